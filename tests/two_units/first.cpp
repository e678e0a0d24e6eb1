// SPDX-License-Identifier: MIT
#include <every_header.hpp>
#include <cstdio>
#include <cstdlib>

// What the other unit, second.cpp, sees.
int threads_seen_by_second();
bool recording_seen_by_second();
char const* isa_of_second();
float sum_in_second(tacet::Tensor<float, 2> const& x);

namespace {

void require(bool ok, char const* what) {
    if (ok) return;
    std::printf("the two units disagree about %s\n", what);
    std::exit(1);
}

}  // namespace

int main() {
    tacet::set_num_threads(3);
    require(threads_seen_by_second() == 3, "the number of threads");
    require(recording_seen_by_second(), "recording");
    {
        tacet::NoGrad const no_grad;
        require(!recording_seen_by_second(), "recording");
    }
    require(isa_of_second() == std::string_view(tacet::isa()), "the instruction set");
    require(sum_in_second(tacet::full(tacet::Shape{2, 3}, 1.5f)) == 9, "a tensor");
    std::puts("cases: 1 passed, 0 failed, 0 skipped");
}
