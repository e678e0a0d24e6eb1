// SPDX-License-Identifier: MIT
#include <tacet/io/image.hpp>
#include <support/catch.hpp>
#include <support/image_bytes.hpp>
#include <cmath>
#include <fstream>
#include <limits>

namespace image_test {
using namespace tacet;
using test::contains;
using test::error_text;
using test::random_raster;
using test::ScratchFolder;

namespace {

using detail::Bytes;
using detail::Raster;

/// A grey image of one line.
Image line_of(std::vector<float> const& values, int bit_depth = 8) {
    Image image;
    image.pixels = Tensor<float, 3>(Shape{Index{1}, std::ssize(values), Index{1}});
    std::copy(values.begin(), values.end(), image.pixels.data());
    image.bit_depth = bit_depth;
    return image;
}

std::vector<float> values_of(Tensor<float, 3> const& x) { return {x.data(), x.data() + x.size()}; }

void put(std::filesystem::path const& path, Bytes const& bytes) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<char const*>(bytes.data()), std::ssize(bytes));
}

bool has_tiff() {
#if TACET_WITH_TIFF
    return true;
#else
    return false;
#endif
}

std::vector<ImageFormat> lossless_formats() {
    std::vector<ImageFormat> formats{ImageFormat::png, ImageFormat::bmp, ImageFormat::pnm};
    if (has_tiff()) formats.push_back(ImageFormat::tiff);
    return formats;
}

}  // namespace

TEST_CASE("all 256 and all 65536 samples are read as fractions and written back as they were", "[image]") {
    for (int const bit_depth : {8, 16}) {
        int const most = bit_depth == 8 ? 255 : 65535;
        auto raster = detail::make_raster(static_cast<std::uint64_t>(most) + 1, 1, 1, bit_depth, {});
        auto const bytes = static_cast<std::size_t>(bit_depth / 8);
        for (std::size_t v = 0; v * bytes < raster.samples.size(); ++v) std::memcpy(raster.samples.data() + v * bytes, &v, bytes);
        auto const file = detail::encode_pnm(raster);
        auto const image = decode_image(file, "line");
        bool exact = true;
        for (int v = 0; v <= most; ++v) exact = exact && image.pixels.data()[v] == static_cast<float>(v) / static_cast<float>(most);
        CHECK(exact);
        CHECK(encode_image(image, ImageFormat::pnm) == file);
        CHECK(encode_image(decode_image(encode_image(image, ImageFormat::png), "png"), ImageFormat::pnm) == file);
    }
}

TEST_CASE("every lossless format gives back samples, alpha and bit depth", "[image]") {
    for (auto const format : lossless_formats())
        for (int const bit_depth : {8, 16})
            for (int channels = 1; channels <= 4; ++channels) {
                bool const alpha = channels % 2 == 0;
                if (format == ImageFormat::bmp && (bit_depth == 16 || channels == 2)) continue;
                if (format == ImageFormat::pnm && alpha) continue;
                auto const raster = random_raster(37, 5, channels, bit_depth);
                auto const file = detail::encode_raster(raster, format, 95);
                auto const image = decode_image(file, "image");
                CHECK(image.pixels.shape() == Shape{Index{37}, Index{5}, Index{channels <= 2 ? 1 : 3}});
                CHECK(image.alpha.has_value() == alpha);
                if (alpha) CHECK(image.alpha->shape() == Shape{Index{37}, Index{5}, Index{1}});
                CHECK(image.bit_depth == bit_depth);
                CHECK_FALSE(image.is_float());
                CHECK(encode_image(image, format) == file);
            }
}

TEST_CASE("colours and alpha go to their places", "[image]") {
    auto raster = detail::make_raster(2, 1, 4, 8, {});
    raster.samples = {255, 51, 0, 102, 0, 204, 153, 1};
    auto const image = decode_image(detail::encode_png(raster), "image");
    CHECK(values_of(image.pixels) == std::vector<float>{1.f, 51 / 255.f, 0.f, 0.f, 204 / 255.f, 153 / 255.f});
    CHECK(values_of(*image.alpha) == std::vector<float>{102 / 255.f, 1 / 255.f});
    CHECK(image.height() == 1);
    CHECK(image.width() == 2);
    CHECK(image.channels() == 3);
}

TEST_CASE("floats are kept as they are, beyond [0, 1] and without rounding", "[image]") {
    std::vector<float> const values{-1.5f, 0.1f, 1e20f, std::numeric_limits<float>::infinity()};
    for (auto const format : {ImageFormat::pfm, ImageFormat::tiff}) {
        if (format == ImageFormat::tiff && !has_tiff()) continue;
        auto const back = decode_image(encode_image(line_of(values, 32), format), "floats");
        CHECK(back.is_float());
        CHECK(values_of(back.pixels) == values);
    }
    auto const eight_bits = decode_image(encode_image(line_of({-1.5f, 0.1f}, 8), ImageFormat::pfm), "pfm");
    CHECK(values_of(eight_bits.pixels) == std::vector<float>{-1.5f, 0.1f});
}

TEST_CASE("samples are clamped and rounded to the nearest even", "[image]") {
    auto const nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    for (float const most : {255.f, 65535.f}) {
        CHECK(detail::quantise(-0.1f, most) == 0);
        CHECK(detail::quantise(-infinity, most) == 0);
        CHECK(detail::quantise(nan, most) == 0);
        CHECK(detail::quantise(1.1f, most) == static_cast<std::uint32_t>(most));
        CHECK(detail::quantise(infinity, most) == static_cast<std::uint32_t>(most));
        bool same = true;
        int halves = 0;
        for (int i = 0; i <= 2'000'000; ++i) {
            float const x = static_cast<float>(i) / 2'000'000.f;
            halves += x * most - std::floor(x * most) == 0.5f;
            same = same && detail::quantise(x, most) == static_cast<std::uint32_t>(std::nearbyint(x * most));
        }
        CHECK(same);
        CHECK(halves > 10);
    }
    CHECK(detail::quantise(0.5f, 255.f) == 128);   // 127.5
    CHECK(detail::quantise(0.5f, 65535.f) == 32768);  // 32767.5
    CHECK(detail::quantise(0.25f, 254.f) == 64);   // 63.5
    CHECK(detail::quantise(0.25f, 250.f) == 62);   // 62.5
}

TEST_CASE("a format without the image's bit depth takes the next one; a depth can be asked for", "[image]") {
    auto const depth = [](int bit_depth, ImageFormat format, WriteOptions const& options = {}) {
        return decode_image(encode_image(line_of({0.25f}, bit_depth), format, options), "image").bit_depth;
    };
    CHECK(depth(16, ImageFormat::bmp) == 8);
    CHECK(depth(16, ImageFormat::jpeg) == 8);
    CHECK(depth(32, ImageFormat::png) == 16);
    CHECK(depth(8, ImageFormat::pfm) == 32);
    CHECK(depth(8, ImageFormat::png, {.bit_depth = 16}) == 16);
    CHECK(depth(32, ImageFormat::png, {.bit_depth = 8}) == 8);
    CHECK(error_text([&] { depth(8, ImageFormat::png, {.bit_depth = 32}); }) == "PNG has no samples of 32 bits");
    CHECK(error_text([&] { depth(8, ImageFormat::bmp, {.bit_depth = 16}); }) == "BMP has no samples of 16 bits");
    CHECK(error_text([&] { depth(8, ImageFormat::png, {.bit_depth = 12}); }) == "a bit depth of 12; there are 8, 16 and 32");
}

TEST_CASE("alpha is never lost silently", "[image]") {
    auto image = line_of({0.5f});
    image.alpha = image.pixels.clone();
    for (auto const format : {ImageFormat::jpeg, ImageFormat::pnm, ImageFormat::pfm})
        CHECK(error_text([&] { encode_image(image, format); }) ==
              to_string(format) + " has no alpha channel, but the picture has; write PNG or TIFF");
    image.premultiplied = true;
    CHECK(error_text([&] { encode_image(image, ImageFormat::png); }) == "PNG has no premultiplied alpha, but the picture has; write TIFF");
    if (has_tiff()) CHECK(decode_image(encode_image(image, ImageFormat::tiff), "tiff").premultiplied);
}

TEST_CASE("whether a format holds an image can be asked before there is anything to write", "[image]") {
    auto image = line_of({0.5f});
    CHECK(check_image_format("no/such/folder/x.JPG", image) == ImageFormat::jpeg);
    CHECK(error_text([&] { check_image_format("x.gif", image); }).starts_with("x.gif: the suffix names no known image format"));
    CHECK((error_text([&] { check_image_format("x.tif", image); }) == "no error") == has_tiff());
    image.alpha = image.pixels.clone();
    CHECK(check_image_format("x.bmp", image) == ImageFormat::bmp);
    CHECK(error_text([&] { check_image_format("x.jpg", image); })
          == "x.jpg: JPEG has no alpha channel, but the picture has; write PNG or TIFF");
    image.premultiplied = true;
    CHECK(error_text([&] { check_image_format("x.png", image); })
          == "x.png: PNG has no premultiplied alpha, but the picture has; write TIFF");
}

TEST_CASE("profiles travel from format to format, but not to pictures they do not describe", "[image]") {
    auto raster = random_raster(3, 4, 3, 8);
    raster.icc_profile = test::icc_profile("RGB ", 3000);
    auto image = decode_image(detail::encode_png(raster), "image");
    CHECK(image.icc_profile == raster.icc_profile);
    for (auto const format : {ImageFormat::jpeg, ImageFormat::png, ImageFormat::tiff}) {
        if (format == ImageFormat::tiff && !has_tiff()) continue;
        image = decode_image(encode_image(image, format), "image");
        CHECK(image.icc_profile == raster.icc_profile);
    }
    CHECK(decode_image(encode_image(to_grey(image), ImageFormat::png), "grey").icc_profile.empty());
    CHECK(decode_image(encode_image(image, ImageFormat::bmp), "bmp").icc_profile.empty());
}

TEST_CASE("pictures are turned upright as EXIF says", "[image]") {
    auto raster = detail::make_raster(3, 2, 1, 8, {});
    raster.samples = {1, 2, 3, 4, 5, 6};
    Bytes const plain = detail::encode_png(raster);
    Bytes turned(plain.begin(), plain.begin() + 33);  // behind the header chunk
    detail::put_png_chunk(turned, "eXIf", test::exif_data(6));
    turned.insert(turned.end(), plain.begin() + 33, plain.end());
    auto const image = decode_image(turned, "image");
    CHECK(image.pixels.shape() == Shape{Index{3}, Index{2}, Index{1}});
    CHECK(encode_image(image, ImageFormat::pnm) == encode_image(decode_image(detail::encode_pnm([] {
                                                       auto expected = detail::make_raster(2, 3, 1, 8, {});
                                                       expected.samples = {4, 1, 5, 2, 6, 3};
                                                       return expected;
                                                   }()), "expected"), ImageFormat::pnm));
    auto const jpeg = detail::encode_jpeg(test::wavy_raster(8, 24, 3), 90);
    Bytes with_exif(jpeg.begin(), jpeg.begin() + 2), exif(detail::jpeg_exif_label.begin(), detail::jpeg_exif_label.end());
    detail::put_bytes(exif, test::exif_data(8));
    detail::put_jpeg_segment(with_exif, 0xe1, exif);
    with_exif.insert(with_exif.end(), jpeg.begin() + 2, jpeg.end());
    CHECK(decode_image(with_exif, "jpeg").pixels.shape() == Shape{Index{24}, Index{8}, Index{3}});
}

TEST_CASE("files are read by content and written by suffix", "[image]") {
    ScratchFolder const folder;
    auto const raster = random_raster(4, 5, 3, 8);
    put(folder / "wrong.jpg", detail::encode_png(raster));
    auto const image = read_image(folder / "wrong.jpg");
    for (auto const* name : {"a.png", "a.bmp", "a.ppm", "a.PNM", "a.tiff", "a.jpeg", "a.pfm"}) {
        if (std::string(name) == "a.tiff" && !has_tiff()) continue;
        write_image(folder / name, image);
        auto const format = detect_image_format(read_file(folder / name));
        REQUIRE(format.has_value());
        CHECK(*format == *image_format_of(name));
        if (*format == ImageFormat::jpeg) continue;
        CHECK(values_of(read_image(folder / name).pixels) == values_of(image.pixels));
    }
}

TEST_CASE("writing refuses unknown suffixes and existing files, and leaves nothing behind", "[image]") {
    ScratchFolder const folder;
    auto image = line_of({0.f, 0.5f, 1.f});
    auto const path = folder / "a.png";
    CHECK(error_text([&] { write_image(folder / "a.gif", image); }) ==
          (folder / "a.gif").string() + ": the suffix names no known image format; .png .jpg .bmp .pgm .ppm .pfm .tif do");
    write_image(path, image);
    CHECK(error_text([&] { write_image(path, image); }) == path.string() + " exists; pass --overwrite to replace it");
    write_image(path, line_of({1.f}), {.overwrite = true});
    CHECK(read_image(path).width() == 1);
    CHECK(error_text([&] { write_image(folder / "b.jpg", image, {.jpeg_quality = 101}); }) ==
          (folder / "b.jpg").string() + ": JPEG quality 101 is not between 1 and 100");
    CHECK(error_text([&] { write_image(folder / "none/b.png", image); }) ==
          (folder / "none/b.png").string() + ": cannot create: No such file or directory");
    CHECK(folder.count() == 1);
}

TEST_CASE("images of impossible shapes are not written", "[image]") {
    auto image = line_of({0.f});
    image.pixels = Tensor<float, 3>(Shape{2, 2, 2});
    CHECK(error_text([&] { encode_image(image, ImageFormat::png); }) == "an image is (H, W, 1) or (H, W, 3), not (2, 2, 2)");
    image.pixels = Tensor<float, 3>(Shape{0, 2, 3});
    CHECK(error_text([&] { encode_image(image, ImageFormat::png); }) == "an image is (H, W, 1) or (H, W, 3), not (0, 2, 3)");
    image.pixels = Tensor<float, 3>(Shape{2, 2, 3});
    image.alpha = Tensor<float, 3>(Shape{2, 1, 1});
    CHECK(error_text([&] { encode_image(image, ImageFormat::png); }) == "alpha (2, 1, 1) does not fit (2, 2, 3)");
}

TEST_CASE("errors of reading are one line with the file's name and what is wrong", "[image]") {
    ScratchFolder const folder;
    auto const message = [&](std::string const& name, Bytes const& bytes, ReadLimits const& limits = {}) {
        put(folder / name, bytes);
        auto const text = error_text([&] { read_image(folder / name, limits); });
        auto const start = (folder / name).string() + ": ";
        CHECK(text.starts_with(start));
        CHECK(text.find('\n') == std::string::npos);
        return text.substr(std::min(start.size(), text.size()));
    };
    auto const bytes_of = [](std::string_view text) { return Bytes(text.begin(), text.end()); };
    std::string const known = "; only PNG, JPEG, BMP, PNM, PFM and TIFF are read";
    CHECK(message("a.png", {}) == "an empty file" + known);
    CHECK(message("a.png", bytes_of("hello")) == "no known kind of image" + known);
    CHECK(message("a.png", bytes_of("GIF89a....")) == "a GIF image" + known);
    CHECK(message("a.png", bytes_of("RIFF....WEBPVP8 ")) == "a WebP image" + known);
    CHECK(message("a.png", bytes_of(std::string_view("\0\0\0\x18" "ftypheic", 12))) == "a HEIF or AVIF image, or a video" + known);
    auto png = detail::encode_png(random_raster(9, 9, 3, 8));
    png[60] ^= 1;
    CHECK(message("b.png", png) == "damaged: the chunk IDAT at byte 33 has a wrong checksum");
    png.resize(100);
    CHECK(message("b.png", png) == "truncated: the chunk IDAT at byte 33 ends beyond the file");
    auto jpeg = detail::encode_jpeg(random_raster(9, 9, 3, 8), 90);
    jpeg.resize(jpeg.size() - 10);
    CHECK(message("c.jpg", jpeg) == "truncated: the JPEG's end marker is missing");
    CHECK(message("d.ppm", bytes_of("P6\n100 100\n255\n....")) == "truncated: 100 x 100 pixels do not fit the file");
    CHECK(message("e.ppm", bytes_of("P6\n0 5\n255\n")) == "an image of 0 x 5 pixels");
    ReadLimits limits;
    limits.max_pixels = 80;
    CHECK(message("f.png", detail::encode_png(random_raster(9, 9, 3, 8)), limits) == "9 x 9 pixels are more than the limit of 80");
    limits = {};
    limits.max_file_bytes = 10;
    CHECK(message("g.png", Bytes(11), limits) == "11 bytes are more than the limit of 10");
    CHECK(error_text([&] { decode_image(Bytes(11), "memory", limits); }) == "memory: 11 bytes are more than the limit of 10");
    auto const none = folder / "none.png";
    CHECK(error_text([&] { read_image(none); }) == none.string() + ": cannot open: No such file or directory");
    if (!has_tiff()) CHECK_THAT(message("h.tif", bytes_of(std::string_view("II*\0....", 8))), contains("libtiff"));
}

TEST_CASE("formats are known by their first bytes and suffixes", "[image]") {
    auto const format = [](std::string_view text) {
        return detect_image_format({reinterpret_cast<std::uint8_t const*>(text.data()), text.size()});
    };
    CHECK(format("\x89PNG\r\n\x1a\n") == ImageFormat::png);
    CHECK(format("\xff\xd8\xff\xe0") == ImageFormat::jpeg);
    CHECK(format("BM") == ImageFormat::bmp);
    CHECK(format("P6\n") == ImageFormat::pnm);
    CHECK(format("P1#") == ImageFormat::pnm);
    CHECK(format("Pf\n") == ImageFormat::pfm);
    CHECK(format("PF ") == ImageFormat::pfm);
    CHECK(format(std::string_view("MM\0*", 4)) == ImageFormat::tiff);
    CHECK(format(std::string_view("II+\0", 4)) == ImageFormat::tiff);
    for (auto const* text : {"", "P", "P7\n", "P6x", "PFX", "\x89PNG", "\xff\xd8", "II*"}) CHECK_FALSE(format(text).has_value());
    CHECK(image_format_of("x/y.JPeG") == ImageFormat::jpeg);
    CHECK(image_format_of("a.tar.tif") == ImageFormat::tiff);
    for (auto const* path : {"", "png", ".png", "a.", "a.gif", "a.png/b", "a.png.bak"}) CHECK_FALSE(image_format_of(path).has_value());
    CHECK(to_string(ImageFormat::tiff) == "TIFF");
}

TEST_CASE("grey becomes RGB and comes back exactly; RGB becomes its mean", "[image]") {
    Tensor<float, 3> grey(Shape{100, 100, 1});
    Rng rng(5);
    for (Index i = 0; i < grey.size(); ++i) grey.data()[i] = rng.uniform(-1, 2);
    auto const rgb = to_rgb(grey);
    CHECK(rgb.shape() == Shape{100, 100, 3});
    CHECK((rgb(7, 9, 0) == grey(7, 9, 0) && rgb(7, 9, 1) == grey(7, 9, 0) && rgb(7, 9, 2) == grey(7, 9, 0)));
    CHECK(values_of(to_grey(rgb)) == values_of(grey));
    CHECK(to_grey(grey).data() == grey.data());  // nothing to do
    CHECK(to_rgb(rgb).data() == rgb.data());
    Tensor<float, 3> pixel(Shape{1, 1, 3});
    pixel(0, 0, 0) = 0.25f, pixel(0, 0, 1) = 0.5f, pixel(0, 0, 2) = 0.f;
    CHECK(to_grey(pixel)(0, 0, 0) == 0.25f);
    Tensor<float, 3> const two(Shape{1, 1, 2});
    CHECK(error_text([&] { to_grey(two); }) == "to_grey: expected (H, W, 1) or (H, W, 3), got (1, 1, 2)");
    CHECK(error_text([&] { to_rgb(two); }) == "to_rgb: expected (H, W, 1) or (H, W, 3), got (1, 1, 2)");
    auto image = line_of({0.5f}, 16);
    image.alpha = image.pixels.clone();
    auto const coloured = to_rgb(image);
    CHECK((coloured.channels() == 3 && coloured.bit_depth == 16 && coloured.alpha.has_value()));
}

TEST_CASE("real images of every folder are read, and PNG and TIFF come back", "[image]") {
    if (test::data_dir().empty()) return test::skip("TACET_DATA is not set");
    auto const folder = std::filesystem::path(test::data_dir());
    struct Expected {
        char const* path;
        Shape<3> shape;
    };
    for (auto const& [path, shape] : {Expected{"mcmaster/1.tif", {500, 500, 3}}, {"bsds500/train/100075.jpg", {321, 481, 3}},
                                      {"cbsd68/101085.png", {481, 321, 3}}, {"set12/01.png", {256, 256, 1}}}) {
        if (std::string(path).ends_with(".tif") && !has_tiff()) continue;
        auto const image = read_image(folder / path);
        CHECK(image.pixels.shape() == shape);
        CHECK(image.bit_depth == 8);
        auto const again = decode_image(encode_image(image, ImageFormat::png), path);
        CHECK(values_of(again.pixels) == values_of(image.pixels));
    }
}
}  // namespace image_test
