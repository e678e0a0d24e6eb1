// SPDX-License-Identifier: MIT
#include "networks.hpp"

namespace tacet::bench {

Works swinir_inference_works() {
    return {{"masked_swinir_forward",
             {[] { return swinir_inputs<MaskedSwin<>>({1, 64, 64, 3}); }, open_replayed_inference<MaskedSwin<Cuda>>}}};
}

}  // namespace tacet::bench
