// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/pickle.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet {

/// What parse_torch_checkpoint does with the names it finds.
struct TorchNames {
    /// Take the weights out of the dictionary around them: params_ema, params, state_dict_ema, state_dict, model_state_dict or model
    /// (the first that is there), and drop the `module.` that DataParallel puts before every name.
    bool unwrap = true;
    /// Take the content of this key of the outermost dictionary instead, such as "params" where params_ema exists too.
    std::string root = {};
};

namespace detail {

/// A reference of the pickle to numbers outside of it.
struct TorchStorage {
    std::optional<DType> dtype;  // nothing for a type that has no DType
    std::string_view key, type;
    std::uint64_t count = 0;
};

/// "torch._utils\n_rebuild_tensor_v2" as "torch._utils._rebuild_tensor_v2".
inline std::string class_name(std::string_view global) {
    std::string name(global);
    std::replace(name.begin(), name.end(), '\n', '.');
    return name;
}

/// What a Call would call, or an empty text.
inline std::string_view callee(Pickle const& tree, PickleNode const& node) {
    if (node.kind != PickleKind::Call || tree[node.items[0]].kind != PickleKind::Global) return {};
    return tree[node.items[0]].text;
}

inline std::uint64_t non_negative(PickleNode const& node, char const* what) {
    check(node.kind == PickleKind::Int && node.integer >= 0, what, " is no number of at least 0");
    return static_cast<std::uint64_t>(node.integer);
}

inline std::optional<DType> storage_dtype(std::string_view type) {
    constexpr std::array<std::pair<std::string_view, DType>, 12> types{{
        {"FloatStorage", DType::F32}, {"DoubleStorage", DType::F64}, {"HalfStorage", DType::F16}, {"BFloat16Storage", DType::BF16},
        {"LongStorage", DType::I64}, {"IntStorage", DType::I32}, {"ShortStorage", DType::I16}, {"CharStorage", DType::I8},
        {"ByteStorage", DType::U8}, {"BoolStorage", DType::Bool}, {"ComplexFloatStorage", DType::C64}, {"UntypedStorage", DType::U8}}};
    auto const newline = type.find('\n');
    bool const torch = type.starts_with("torch\n") || type.starts_with("torch.cuda\n") || type.starts_with("torch.storage\n");
    for (auto const& [name, dtype] : types)
        if (torch && type.substr(newline + 1) == name) return dtype;
    return std::nullopt;
}

/// Reads ('storage', type, key, location, count[, view]); PyTorch < 0.4 could make a storage a view of another one.
inline TorchStorage storage_of(Pickle const& tree, PickleNode const& node) {
    check(node.kind == PickleKind::Persistent, "a tensor without storage");
    PickleNode const& id = tree[node.items[0]];
    bool const shaped = id.kind == PickleKind::Tuple && id.items.size() >= 5 && tree[id.items[0]].text == "storage" &&
                        tree[id.items[1]].kind == PickleKind::Global && tree[id.items[2]].kind == PickleKind::String;
    check(shaped, "an unknown kind of storage reference");
    check(tree[id.items[2]].text.size() <= 256, "a storage's name is longer than 256 bytes");  // it is looked up once per tensor
    check(id.items.size() == 5 || tree[id.items[5]].kind == PickleKind::None, "views of storages are not supported");
    auto const type = tree[id.items[1]].text;
    return {storage_dtype(type), tree[id.items[2]].text, type, non_negative(tree[id.items[4]], "a storage's length")};
}

/// Finds tensors in the tree of a checkpoint and copies them out of their storages.
class TorchTensors {
public:
    using Bytes = std::span<std::uint8_t const>;
    /// The bytes of a storage; throws when there are none.
    using FindStorage = std::function<Bytes(TorchStorage const&)>;

    TorchTensors(Pickle const& tree, FindStorage find, CheckpointLimits limits, std::uint64_t file_bytes)
        : tree_(tree), find_(std::move(find)), limits_(limits), allowed_(std::min(limits.bytes, 8 * file_bytes)) {}

    std::vector<NamedTensor> collect(PickleNode const& root) {
        visit(root, "", 0);
        refuse_duplicate_names(tensors_);
        return std::move(tensors_);
    }

private:
    static constexpr std::size_t max_visits = 2'000'000, max_depth = 64, max_name = 512;

    // Shared nodes are visited once for each name they have; the limits keep a pickle that shares exponentially from using them all.
    void visit(PickleNode const& node, std::string const& name, std::size_t depth) {
        check(depth < max_depth, "dictionaries nested deeper than ", max_depth, " levels");
        check((visits_ += 1 + node.items.size()) <= max_visits, "too many values in shared dictionaries");
        if (node.kind == PickleKind::Call) return visit_call(node, name, depth);
        bool const dict = node.kind == PickleKind::Dict;
        if (!dict && node.kind != PickleKind::List && node.kind != PickleKind::Tuple) return;
        for (std::size_t i = dict; i < node.items.size(); i += dict ? 2 : 1) {
            PickleNode const& child = tree_[node.items[i]];
            if (child.items.empty()) continue;  // neither a tensor nor around one
            auto const key = dict ? key_text(tree_[node.items[i - 1]]) : std::to_string(i);
            if (key) visit(child, join(name, *key), depth + 1);
        }
    }

    // Keys that are neither text nor whole numbers have no name in a file of named tensors: what they hold is left out.
    static std::optional<std::string> key_text(PickleNode const& key) {
        if (key.kind == PickleKind::Int) return std::to_string(key.integer);
        if (key.kind != PickleKind::String) return std::nullopt;
        check(key.text.size() <= max_name && is_utf8(key.text), "a name that is longer than ", max_name, " bytes or no UTF-8");
        return std::string(key.text);
    }

    static std::string join(std::string const& path, std::string const& key) {
        check(path.size() + key.size() < max_name, "a name is longer than ", max_name, " bytes");
        return path.empty() ? key : path + "." + key;
    }

    void visit_call(PickleNode const& node, std::string const& name, std::size_t depth) {
        auto const function = callee(tree_, node);
        auto const& arguments = tree_[node.items[1]];
        bool const parameter = function == "torch._utils\n_rebuild_parameter" || function == "torch._utils\n_rebuild_parameter_with_state";
        if (parameter && !arguments.items.empty()) return visit(tree_[arguments.items[0]], name, depth + 1);
        try {
            if (function == "torch._utils\n_rebuild_tensor_v2" || function == "torch._utils\n_rebuild_tensor") add(arguments, name);
            else check(!function.starts_with("torch._utils\n_rebuild"), class_name(function), " is not supported");
        } catch (Error const& error) {
            throw Error(concat_text("tensor ", quote_text(name), ": ", error.what()));
        }
    }

    std::vector<Index> extents(PickleNode const& node, char const* what) const {
        check(node.kind == PickleKind::Tuple && node.items.size() <= 64, what, " is no tuple of at most 64 numbers");
        std::vector<Index> values;
        for (PickleId const id : node.items) values.push_back(static_cast<Index>(non_negative(tree_[id], what)));
        return values;
    }

    // Arguments: storage, offset, shape, strides (in elements), then what only training needs.
    void add(PickleNode const& arguments, std::string const& name) {
        check(arguments.items.size() >= 4, "too few numbers to make a tensor of");
        check(tensors_.size() < limits_.tensors, "more than ", limits_.tensors, " tensors");
        auto const storage = storage_of(tree_, tree_[arguments.items[0]]);
        check(storage.dtype.has_value(), "elements of type ", class_name(storage.type), " are not supported");
        std::uint64_t const item = size_of(*storage.dtype), offset = non_negative(tree_[arguments.items[1]], "the offset");
        NamedTensor x{name.empty() ? "tensor" : name, *storage.dtype, extents(tree_[arguments.items[2]], "the shape"), {}};
        auto const strides = extents(tree_[arguments.items[3]], "the strides");
        check(strides.size() == x.shape.size(), "shape ", shape_text(x.shape), " with strides ", shape_text(strides));
        std::uint64_t const count = element_count(x.shape, "the shape"), bytes = checked_product(count, item, "the shape");
        auto const source = find_(storage);
        check(source.size() == checked_product(storage.count, item, "the storage"), "storage ", quote_text(storage.key), " has ",
              source.size(), " bytes instead of ", storage.count, " x ", item);
        // Tensors may share a storage, and repeat its elements: only this keeps a small file from filling the memory.
        check(bytes <= allowed_ - taken_, "with it all tensors need more than ", allowed_, " bytes, too many for this file");
        taken_ += bytes;
        if (count > 0) check(last_element(x.shape, strides, offset, storage.count) < storage.count, "reaches beyond its storage");
        x.data.resize(bytes);
        if (count > 0) copy(source.subspan(offset * item), x, strides, item);
        tensors_.push_back(std::move(x));
    }

    // Stops at the first dimension that leaves the storage, so that no sum overflows.
    static std::uint64_t last_element(std::vector<Index> const& shape, std::vector<Index> const& strides, std::uint64_t offset,
                                      std::uint64_t count) {
        for (std::size_t d = 0; d < shape.size() && offset < count; ++d)
            offset += checked_product(static_cast<std::uint64_t>(shape[d] - 1), static_cast<std::uint64_t>(strides[d]), "the strides");
        return offset;
    }

    static void copy(Bytes source, NamedTensor& x, std::vector<Index> const& strides, std::uint64_t item) {
        Index dense = 1;
        bool contiguous = true;
        for (std::size_t d = x.shape.size(); d-- > 0; dense *= x.shape[d])
            contiguous = contiguous && (x.shape[d] == 1 || strides[d] == dense);
        if (contiguous) {
            std::memcpy(x.data.data(), source.data(), x.data.size());
            return;
        }
        std::vector<Index> index(x.shape.size());
        std::uint8_t const* from = source.data();
        for (std::size_t to = 0; to < x.data.size(); to += item) {
            std::memcpy(x.data.data() + to, from, item);
            for (std::size_t d = index.size(); d-- > 0;) {  // the next multi-index
                Index const step = strides[d] * static_cast<Index>(item);
                if (++index[d] < x.shape[d]) {
                    from += step;
                    break;
                }
                from -= step * (x.shape[d] - 1);
                index[d] = 0;
            }
        }
    }

    Pickle const& tree_;
    FindStorage find_;
    CheckpointLimits limits_;
    std::uint64_t allowed_, taken_ = 0;
    std::size_t visits_ = 0;
    std::vector<NamedTensor> tensors_;
};

/// Whether a dictionary holds tensors, at most `depth` levels down, as far as `budget` values tell.
inline bool has_tensors(Pickle const& tree, PickleNode const& dict, int depth, std::size_t& budget) {
    for (std::size_t i = 1; i < dict.items.size() && budget > 0; i += 2, --budget) {
        PickleNode const& value = tree[dict.items[i]];
        if (callee(tree, value).starts_with("torch._utils\n_rebuild")) return true;
        if (value.kind == PickleKind::Dict && depth > 0 && has_tensors(tree, value, depth - 1, budget)) return true;
        if (budget == 0) break;
    }
    return false;
}

/// The key of the dictionary inside `dict` that holds the weights, or nullptr when `dict` holds them itself.
inline char const* wrapping_key(Pickle const& tree, PickleNode const& dict) {
    for (char const* const key : {"params_ema", "params", "state_dict_ema", "state_dict", "model_state_dict", "model"}) {
        PickleNode const* const inner = tree.find(dict, key);
        std::size_t budget = 1'000'000;
        if (inner != nullptr && inner->kind == PickleKind::Dict && has_tensors(tree, *inner, 3, budget)) return key;
    }
    return nullptr;
}

/// The part of the tree that `names` asks for; `path` receives the keys on the way to it.
inline PickleNode const& weights_root(Pickle const& tree, TorchNames const& names, std::string& path) {
    PickleNode const* root = &tree[tree.root];
    if (!names.root.empty()) {
        root = tree.find(*root, names.root);
        check(root != nullptr, "the checkpoint has no key ", quote_text(names.root));
        path = names.root;
    }
    for (int depth = 0; names.unwrap && depth < 4; ++depth) {
        char const* const key = wrapping_key(tree, *root);
        if (key == nullptr) break;
        path += (path.empty() ? "" : ".") + std::string(key);
        root = tree.find(*root, key);
    }
    return *root;
}

}  // namespace detail
}  // namespace tacet
