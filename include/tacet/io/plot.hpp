// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/io/bar_plot.hpp>
#include <tacet/io/heat_map.hpp>
#include <tacet/io/line_plot.hpp>
