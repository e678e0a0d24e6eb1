// SPDX-License-Identifier: MIT
#include "networks.hpp"

namespace tacet::bench {

Works swinir_training_works() {
    return {{"masked_swinir_training_64", {[] { return swinir_inputs<MaskedSwin<>>({64, 64, 64, 3}); }, open_trainer<MaskedSwin<Cuda>>}}};
}

}  // namespace tacet::bench
