// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/byte_reader.hpp>
#include <tacet/io/named_tensor.hpp>
#include <tacet/io/pickle.hpp>
#include <tacet/io/torch_tree.hpp>
#include <tacet/io/zip_reader.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tacet {
namespace detail {

using FileBytes = std::span<std::uint8_t const>;

inline bool is_torch_zip(FileBytes bytes) { return begins_with(bytes, "PK\x03\x04"); }

/// PyTorch < 1.6: a pickle of the number 0x1950a86a20f9469cfc6c comes first.
inline bool is_torch_legacy(FileBytes bytes) { return begins_with(bytes, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."); }

/// The tensors of a tree; says what is there when it holds none.
inline Checkpoint read_torch_tree(Pickle const& tree, TorchNames const& names, TorchTensors tensors) {
    Checkpoint checkpoint;
    std::string path;
    checkpoint.tensors = tensors.collect(weights_root(tree, names, path));
    if (checkpoint.tensors.empty()) {
        auto const what = callee(tree, tree[tree.root]);
        check(what.empty(), "the checkpoint holds an object of ", class_name(what), ", not weights; save its state_dict() instead");
        throw Error("the checkpoint holds no tensors");
    }
    if (!path.empty()) checkpoint.metadata["pytorch.root"] = path;
    if (names.unwrap) strip_prefix(checkpoint, "module.");
    return checkpoint;
}

/// A zip of FOLDER/data.pkl and one file FOLDER/data/KEY for each storage.
class TorchZip {
public:
    explicit TorchZip(FileBytes bytes) : zip_(open(bytes)) {
        constexpr std::string_view tree = "/data.pkl";
        for (ZipEntry const& entry : zip_.entries()) {
            auto const folder = entry.name.substr(0, entry.name.find('/'));
            refuse_script(entry.name.substr(folder.size()));
            if (entry.name.substr(folder.size()) != tree) continue;
            check(folder_.empty(), "zip: two files are named data.pkl");
            folder_ = folder;
        }
        check(!folder_.empty(), "zip: no data.pkl: this is no PyTorch checkpoint");
        if (auto const* order = zip_.find(folder_ + "/byteorder"))
            check(begins_with(order->data, "little"), "the checkpoint was written by a big-endian machine, which is not supported");
    }

    Checkpoint read(TorchNames const& names, CheckpointLimits limits, std::uint64_t file_bytes) const {
        auto const bytes = zip_.find(folder_ + "/data.pkl")->data;
        Pickle const tree = parse_pickle(bytes);
        check(tree.end == bytes.size(), "pickle: ", bytes.size() - tree.end, " bytes follow its end");
        auto const find = [this](TorchStorage const& storage) {
            auto const* entry = zip_.find(folder_ + "/data/" + std::string(storage.key));
            if (entry == nullptr) throw Error(concat_text("no storage ", quote_text(storage.key), " in the file"));
            return entry->data;
        };
        return read_torch_tree(tree, names, TorchTensors(tree, find, limits, file_bytes));
    }

private:
    static void refuse_script(std::string_view path) {
        check(path != "/constants.pkl" && !path.starts_with("/code/"),
              "this is a TorchScript program, not a checkpoint; save the module's state_dict() with torch.save");
    }
    // A program's code is compressed, which the zip reader refuses; the reason a user needs is the other one.
    static ZipReader open(FileBytes bytes) {
        try {
            return ZipReader(bytes);
        } catch (Error const&) {
            std::string_view const code = "/code/__torch__";
            if (std::search(bytes.begin(), bytes.end(), code.begin(), code.end()) != bytes.end()) refuse_script("/code/");
            throw;
        }
    }

    ZipReader zip_;
    std::string folder_;
};

/// Five pickles (magic number, protocol, system, tree, storage keys), then per key the count and the elements.
class TorchLegacy {
public:
    explicit TorchLegacy(FileBytes bytes) : bytes_(bytes) {
        auto const magic = parse_pickle(bytes), protocol = parse_pickle(bytes, magic.end), system = parse_pickle(bytes, protocol.end);
        check(protocol[protocol.root].integer == 1001, "legacy checkpoint: protocol ", protocol[protocol.root].integer, " instead of 1001");
        check_system(system);
        tree_ = parse_pickle(bytes, system.end);
        auto const keys = parse_pickle(bytes, tree_.end);
        check(keys[keys.root].kind == PickleKind::List, "legacy checkpoint: no list of storages");
        collect_declared();
        ByteReader reader(bytes, "legacy checkpoint", keys.end);
        for (PickleId const id : keys[keys.root].items) read_storage(keys[id], reader);
        check(reader.remaining() == 0, "legacy checkpoint: ", reader.remaining(), " bytes follow its end");
    }

    Checkpoint read(TorchNames const& names, CheckpointLimits limits) const {
        auto const find = [this](TorchStorage const& storage) {
            auto const it = storages_.find(storage.key);
            if (it == storages_.end()) throw Error(concat_text("no storage ", quote_text(storage.key), " in the file"));
            return it->second;
        };
        return read_torch_tree(tree_, names, TorchTensors(tree_, find, limits, bytes_.size()));
    }

private:
    static void check_system(Pickle const& system) {
        PickleNode const& info = system[system.root];
        auto const* little = system.find(info, "little_endian");
        check(little != nullptr && little->integer == 1, "the checkpoint was written by a big-endian machine, which is not supported");
        auto const* sizes = system.find(info, "type_sizes");
        check(sizes != nullptr, "legacy checkpoint: no type sizes");
        constexpr std::array<std::pair<char const*, std::int64_t>, 2> expected{{{"short", 2}, {"int", 4}}};
        for (auto const& [type, bytes] : expected) {
            auto const* size = system.find(*sizes, type);
            check(size != nullptr && size->integer == bytes, "legacy checkpoint: ", type, " has not ", bytes, " bytes");
        }
    }

    // The file itself states only counts; types come from the references in the tree, which must agree with each other.
    void collect_declared() {
        for (PickleNode const& node : tree_.nodes) {
            if (node.kind != PickleKind::Persistent) continue;
            auto const storage = storage_of(tree_, node);
            auto const [it, fresh] = declared_.emplace(storage.key, storage);
            if (!fresh && (it->second.count != storage.count || it->second.type != storage.type))
                throw Error(concat_text("legacy checkpoint: storage ", quote_text(storage.key), " is declared in two ways"));
        }
    }

    void read_storage(PickleNode const& key, ByteReader& reader) {
        auto const it = key.kind == PickleKind::String ? declared_.find(key.text) : declared_.end();
        check(it != declared_.end(), "legacy checkpoint: a storage that the tree does not know");
        TorchStorage const& storage = it->second;
        if (!storage.dtype) throw Error(concat_text("elements of type ", class_name(storage.type), " are not supported"));
        auto const count = reader.take_number<std::uint64_t>();
        if (count != storage.count) {
            throw Error(concat_text("legacy checkpoint: storage ", quote_text(storage.key), " has ", count, " elements instead of ",
                                    storage.count));
        }
        auto const bytes = reader.take(checked_product(count, size_of(*storage.dtype), "legacy checkpoint"));
        if (!storages_.emplace(storage.key, bytes).second)
            throw Error(concat_text("legacy checkpoint: two storages are named ", quote_text(storage.key)));
    }

    FileBytes bytes_;
    Pickle tree_;
    std::map<std::string_view, TorchStorage> declared_;
    std::map<std::string_view, FileBytes> storages_;
};

}  // namespace detail

/// Reads what `torch.save` wrote: a zip (since PyTorch 1.6) or the legacy format (PyTorch 0.1.10 to 1.5), recognised by content.
///
/// Nested dictionaries and lists become names joined by dots; tensors are copied out of shared, sliced or transposed storages. Objects of
/// other classes are skipped; nothing in the file is ever executed. Legacy tar files, TorchScript programs, other pickle protocols,
/// big-endian files and whatever contradicts itself are Errors. `metadata["pytorch.root"]` names the dictionary the weights came from.
inline Checkpoint parse_torch_checkpoint(std::span<std::uint8_t const> bytes, TorchNames const& names = {}, CheckpointLimits limits = {}) {
    check(bytes.size() <= limits.bytes, "the checkpoint has ", bytes.size(), " bytes, more than the limit of ", limits.bytes);
    if (detail::is_torch_zip(bytes)) return detail::TorchZip(bytes).read(names, limits, bytes.size());
    if (detail::is_torch_legacy(bytes)) return detail::TorchLegacy(bytes).read(names, limits);
    check(!detail::begins_with(bytes, "ustar", 257),
          "tar files (PyTorch before 0.1.10) are not supported; load it with an old PyTorch and save it again");
    throw Error("not a PyTorch checkpoint");
}

}  // namespace tacet
