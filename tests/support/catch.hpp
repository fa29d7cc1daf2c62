// SPDX-License-Identifier: Apache-2.0
#pragma once

// Catch2 version 3 or 2, whichever is there. Tests use only what both have: TEST_CASE, SECTION, REQUIRE, CHECK,
// REQUIRE_THROWS_AS, GENERATE.
#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#else
#include <catch2/catch.hpp>
#endif
