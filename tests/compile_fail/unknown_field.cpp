// expect: fields lists a part that is neither a Parameter, a Tensor, a module nor a range of modules
// SPDX-License-Identifier: MIT
#include <tacet/nn/module.hpp>

struct Block {
    tacet::Parameter<float, 1> bias;
    int width = 0;
    static void fields(auto& self, auto&& field) {
        field("bias", self.bias);
#ifdef MISTAKE
        field("width", self.width);
#endif
    }
};

tacet::Index count(Block const& block) { return tacet::parameter_count(block); }
