// SPDX-License-Identifier: MIT
#include <tacet/denoise/default_weights.hpp>
#include <tacet/io/image.hpp>
#include <tacet/tensor/print.hpp>
#include <string_view>
using namespace tacet;

int main() {
    // Two rows of three pixels: a whole image file.
    std::string_view const file = "P6\n3 2\n255\nrgbrgbrgbrgbrgbrgb";
    Image const image = decode_image({reinterpret_cast<std::uint8_t const*>(file.data()), file.size()}, "picture.ppm");
    // The checkpoint that came with the headers, wherever they were installed.
    std::cout << image.pixels.shape() << ' ' << std::filesystem::canonical(default_weights()).string() << '\n';
}
