// SPDX-License-Identifier: MIT
// Nothing: the target of this file stands for "a file that uses tacet::io" (see tacet_flags_file), or holds the precompiled header.
