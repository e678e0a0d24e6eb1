// SPDX-License-Identifier: MIT
#include <tacet/io/checkpoint.hpp>
#include <tacet/io/image.hpp>
#include <tacet/io/json.hpp>
#include <tacet/io/option_help.hpp>

namespace tacet::detail {

Json compiled_parse_json(std::string_view text, std::string const& name, JsonRules rules, Cpu) { return parse_json(text, name, rules); }
Image compiled_decode_image(std::span<std::uint8_t const> bytes, std::string const& name, ReadLimits const& limits, Cpu) {
    return decode_image(bytes, name, limits);
}
std::vector<std::uint8_t> compiled_encode_image(Image const& image, ImageFormat format, WriteOptions const& options, Cpu) {
    return encode_image(image, format, options);
}
Checkpoint compiled_parse_checkpoint(std::span<std::uint8_t const> bytes, TorchNames const& names, CheckpointLimits limits, Cpu) {
    return parse_checkpoint(bytes, names, limits);
}
Request compiled_parse_words(OptionFields& fields, std::vector<std::string> const& args, Cpu) { return CommandLine(fields).parse(args); }
std::string compiled_format_help(Program const& program, OptionFields const& fields, std::size_t width, Cpu) {
    return format_help(program, fields, width);
}

}  // namespace tacet::detail
