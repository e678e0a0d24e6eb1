// SPDX-License-Identifier: MIT
// Never compiled: the target of this file stands for "a file that uses tacet::io" (see tacet_flags_file).
