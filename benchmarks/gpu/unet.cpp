// SPDX-License-Identifier: MIT
#include "networks.hpp"

namespace tacet::bench {

Works unet_works() {
    return {{"unet_training", {[] { return unet_inputs({4, 64, 64, 3}); }, open_trainer<UNet<Cuda>>}},
            {"unet_inference", {[] { return unet_inputs({1, 512, 512, 3}); }, open_replayed_inference<UNet<Cuda>>}}};
}

}  // namespace tacet::bench
