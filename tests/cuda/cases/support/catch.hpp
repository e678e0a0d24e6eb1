// SPDX-License-Identifier: MIT
#pragma once
#include "../../../support/catch.hpp"

// Stands in for Catch2 where the files of tests/ops are compiled for their cases alone: their tests are templates that nobody instantiates.
#undef TEST_CASE
#undef TEMPLATE_TEST_CASE
#define TACET_JOINED_(a, b) a##b
#define TACET_JOINED(a, b) TACET_JOINED_(a, b)
#define TEST_CASE(...) template <class> [[maybe_unused]] static void TACET_JOINED(unused_test_, __LINE__)()
#define TEMPLATE_TEST_CASE(...) template <class TestType> [[maybe_unused]] static void TACET_JOINED(unused_test_, __LINE__)()
