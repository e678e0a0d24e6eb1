// SPDX-License-Identifier: MIT
// Operations on the device: the cases of tests/ops. Tags are the stems of the files of kernels.
#include "../support/catch.hpp"
#include <device_check.hpp>

namespace operation_kernels_test {
using tacet::test::device_failures_of;

TEST_CASE("batch_norm on the device", "[batch_norm]") { CHECK(device_failures_of("batch_norm") == ""); }
TEST_CASE("concat on the device", "[concat]") {
    CHECK(device_failures_of("concat") == "");
    CHECK(device_failures_of("concat_along") == "");
}
TEST_CASE("conv2d on the device", "[conv2d]") {
    CHECK(device_failures_of("conv2d") == "");
    CHECK(device_failures_of("conv_transpose2d") == "");
}
TEST_CASE("dropout on the device", "[dropout]") {
    CHECK(device_failures_of("drop_path") == "");
    CHECK(device_failures_of("dropout") == "");
}
TEST_CASE("entmax on the device", "[entmax]") { CHECK(device_failures_of("entmax15") == ""); }
TEST_CASE("gemm on the device", "[gemm]") { CHECK(device_failures_of("matmul") == ""); }
TEST_CASE("layer_norm on the device", "[layer_norm]") { CHECK(device_failures_of("layer_norm") == ""); }
TEST_CASE("linear on the device", "[linear]") {
    CHECK(device_failures_of("linear") == "");
    CHECK(device_failures_of("gelu") == "");
}
TEST_CASE("pad on the device", "[pad]") {
    CHECK(device_failures_of("crop") == "");
    CHECK(device_failures_of("pad") == "");
    CHECK(device_failures_of("unpad") == "");
}
TEST_CASE("pixel_shuffle on the device", "[pixel_shuffle]") {
    CHECK(device_failures_of("pixel_shuffle") == "");
    CHECK(device_failures_of("pixel_unshuffle") == "");
}
TEST_CASE("pool on the device", "[pool]") {
    CHECK(device_failures_of("avg_pool2d") == "");
    CHECK(device_failures_of("global_avg_pool") == "");
    CHECK(device_failures_of("global_max_pool") == "");
    CHECK(device_failures_of("max_pool2d") == "");
}
TEST_CASE("reduce on the device", "[reduce]") {
    CHECK(device_failures_of("mean") == "");
    CHECK(device_failures_of("sum") == "");
    CHECK(device_failures_of("max") == "");
    CHECK(device_failures_of("var") == "");
    for (char const* loss : {"charbonnier_loss", "l1_loss", "l2_loss", "masked_l1_loss", "masked_l2_loss"})
        CHECK(device_failures_of(loss) == "");
}
TEST_CASE("softmax on the device", "[softmax]") { CHECK(device_failures_of("softmax") == ""); }
TEST_CASE("strided_copy on the device", "[strided_copy]") {
    CHECK(device_failures_of("flip") == "");
    CHECK(device_failures_of("permute") == "");
    CHECK(device_failures_of("reshape") == "");
    CHECK(device_failures_of("roll") == "");
    CHECK(device_failures_of("slice") == "");
}
TEST_CASE("total_variation on the device", "[total_variation]") { CHECK(device_failures_of("total_variation") == ""); }
TEST_CASE("upsample on the device", "[upsample]") {
    CHECK(device_failures_of("upsample_bilinear") == "");
    CHECK(device_failures_of("upsample_nearest") == "");
}
TEST_CASE("window_attention on the device", "[window_attention][window_attention_images][window_attention_rows]") { CHECK(device_failures_of("window_attention") == ""); }
TEST_CASE("window_partition on the device", "[window_partition]") {
    CHECK(device_failures_of("relative_position_bias") == "");
    CHECK(device_failures_of("window_merge") == "");
    CHECK(device_failures_of("window_partition") == "");
}

TEST_CASE("Every case of the table runs on the device", "[cases]") { CHECK(tacet::test::cases_missing_on_device() == ""); }
}  // namespace operation_kernels_test
