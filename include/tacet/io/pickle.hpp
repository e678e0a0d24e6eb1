// SPDX-License-Identifier: MIT
#pragma once
#include <tacet/core/error.hpp>
#include <tacet/io/byte_reader.hpp>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacet {

/// The position of a node in its Pickle.
using PickleId = std::uint32_t;

/// What a node of a pickle is. `Call` is a call or an object that was *described*: `items` are what would be called and its arguments;
/// nothing ever is called. `Persistent` is a reference to data outside of the pickle: in PyTorch a storage.
enum class PickleKind : std::uint8_t { None, Bool, Int, BigInt, Float, String, Tuple, List, Dict, Global, Call, Persistent };

/// One value of a pickle; the text points into the pickle's bytes.
struct PickleNode {
    PickleKind kind = PickleKind::None;
    std::int64_t integer = 0;      ///< Bool and Int
    double real = 0;               ///< Float
    std::string_view text;         ///< String; BigInt (its little-endian bytes); Global ("module\nname")
    std::vector<PickleId> items;   ///< Tuple, List; Dict (key, value, key, ...); Call (callable, arguments); Persistent (one value)
};

/// What a pickle may cost before it is refused.
struct PickleLimits {
    std::size_t nodes = 1'000'000;
    std::size_t steps = 10'000'000;  ///< opcodes
    std::size_t depth = 64;          ///< open marks at a time; readers of the tree refuse deeper nesting too
    std::size_t string_bytes = std::size_t{16} << 20;  ///< of one string
};

/// The values of one pickle, in one array: shared and even circular references are equal positions, so that no pickle costs more than
/// its own length. Nodes stay valid as long as the bytes they were parsed from.
struct Pickle {
    std::vector<PickleNode> nodes;
    PickleId root = 0;
    std::uint64_t end = 0;  ///< the offset behind the pickle's last byte

    PickleNode const& operator[](PickleId id) const { return nodes[id]; }
    /// The node under a string key of a dict (the last one, as in Python), or nullptr.
    PickleNode const* find(PickleNode const& dict, std::string_view key) const {
        for (std::size_t i = dict.kind == PickleKind::Dict ? dict.items.size() : 0; i >= 2; i -= 2)
            if (PickleNode const& k = nodes[dict.items[i - 2]]; k.kind == PickleKind::String && k.text == key)
                return &nodes[dict.items[i - 1]];
        return nullptr;
    }
};

namespace detail {

/// A stack machine for the opcodes of pickle protocol 2 that occur in checkpoints; every other opcode is refused.
class PickleMachine {
public:
    PickleMachine(std::span<std::uint8_t const> bytes, std::uint64_t begin, PickleLimits limits)
        : reader_(bytes, "pickle", begin), limits_(limits) {}

    Pickle run() {
        for (;;) {
            at_ = reader_.position();
            auto const op = static_cast<char>(reader_.take_number<std::uint8_t>());
            if (op == '.') return finish();
            require(++steps_ <= limits_.steps, "too many opcodes");
            if (!number(op) && !text(op) && !container(op) && !store(op) && !memo(op) && !object(op))
                fail(concat_text("opcode ", static_cast<int>(static_cast<unsigned char>(op)), " is not allowed in a checkpoint"));
        }
    }

private:
    [[noreturn]] void fail(std::string const& what) const { throw Error(concat_text("pickle: ", what, " at offset ", at_)); }
    void require(bool ok, char const* what) const { if (!ok) fail(what); }

    bool number(char op) {
        switch (op) {
        case 'N': push(PickleKind::None); return true;
        case '\x88': push_int(1, PickleKind::Bool); return true;
        case '\x89': push_int(0, PickleKind::Bool); return true;
        case 'K': push_int(reader_.take_number<std::uint8_t>()); return true;
        case 'M': push_int(reader_.take_number<std::uint16_t>()); return true;
        case 'J': push_int(reader_.take_number<std::int32_t>()); return true;
        case '\x8a': push_long(reader_.take_number<std::uint8_t>()); return true;
        case 'G': {
            auto const big_endian = reader_.take(8);
            std::uint64_t bits = 0;
            for (std::uint8_t const byte : big_endian) bits = bits << 8 | byte;
            push(PickleKind::Float).real = std::bit_cast<double>(bits);
            return true;
        }
        default: return false;
        }
    }

    // 'U' and 'T' are the byte strings of Python 2, in which old checkpoints name their tensors.
    bool text(char op) {
        if (op != 'X' && op != 'U' && op != 'T') return false;
        std::uint64_t const bytes = op == 'U' ? reader_.take_number<std::uint8_t>() : reader_.take_number<std::uint32_t>();
        require(bytes <= limits_.string_bytes, "a string is too long");
        push(PickleKind::String).text = reader_.take_text(bytes);
        return true;
    }

    bool container(char op) {
        switch (op) {
        case '(':
            require(marks_.size() < limits_.depth, "nested too deeply");
            marks_.push_back(stack_.size());
            return true;
        case ')': push(PickleKind::Tuple); return true;
        case ']': push(PickleKind::List); return true;
        case '}': push(PickleKind::Dict); return true;
        case 't': push(PickleKind::Tuple, pop_to_mark()); return true;
        case '\x85': push(PickleKind::Tuple, pop(1)); return true;
        case '\x86': push(PickleKind::Tuple, pop(2)); return true;
        case '\x87': push(PickleKind::Tuple, pop(3)); return true;
        default: return false;
        }
    }

    bool store(char op) {
        switch (op) {
        case 's': set_items(pop(2)); return true;
        case 'u': set_items(pop_to_mark()); return true;
        case 'a': append(pop(1)); return true;
        case 'e': append(pop_to_mark()); return true;
        default: return false;
        }
    }

    bool memo(char op) {
        switch (op) {
        case 'q': put(reader_.take_number<std::uint8_t>()); return true;
        case 'r': put(reader_.take_number<std::uint32_t>()); return true;
        case 'h': get(reader_.take_number<std::uint8_t>()); return true;
        case 'j': get(reader_.take_number<std::uint32_t>()); return true;
        default: return false;
        }
    }

    bool object(char op) {
        switch (op) {
        case '\x80': {
            auto const protocol = reader_.take_number<std::uint8_t>();
            if (protocol != 2) fail(concat_text("protocol ", int{protocol}, " instead of 2, torch.save's default,"));
            return true;
        }
        case 'c': push_global(); return true;
        case 'R': reduce(pop(2)); return true;
        case '\x81': push(PickleKind::Call, pop(2)); return true;  // an object of a class
        case 'Q': push(PickleKind::Persistent, pop(1)); return true;
        case 'b': build(); return true;
        default: return false;
        }
    }

    Pickle finish() {
        require(marks_.empty() && stack_.size() == 1, "stop with an unfinished value");
        return {std::move(nodes_), stack_.back(), reader_.position()};
    }

    PickleNode& push(PickleKind kind, std::vector<PickleId> items = {}) {
        require(nodes_.size() < limits_.nodes, "too many values");
        stack_.push_back(static_cast<PickleId>(nodes_.size()));
        PickleNode& node = nodes_.emplace_back();
        node.kind = kind;
        node.items = std::move(items);
        return node;
    }
    void push_int(std::int64_t value, PickleKind kind = PickleKind::Int) { push(kind).integer = value; }

    void push_long(std::uint64_t bytes) {
        auto const digits = reader_.take_text(bytes);
        if (bytes > 8) {
            push(PickleKind::BigInt).text = digits;
            return;
        }
        std::int64_t value = bytes > 0 && (static_cast<unsigned char>(digits.back()) & 0x80) ? -1 : 0;  // the sign fills the rest
        std::memcpy(&value, digits.data(), digits.size());
        push_int(value);
    }

    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

    std::vector<PickleId> pop(std::size_t count) {
        require(stack_.size() - floor() >= count, "not enough values on the stack");
        std::vector<PickleId> items(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
        stack_.resize(stack_.size() - count);
        return items;
    }
    std::vector<PickleId> pop_to_mark() {
        require(!marks_.empty(), "no mark on the stack");
        auto items = pop(stack_.size() - marks_.back());
        marks_.pop_back();
        return items;
    }
    PickleNode& top() {
        require(stack_.size() > floor(), "not enough values on the stack");
        return nodes_[stack_.back()];
    }

    // What is stored into an object of a foreign class (a subclass of dict or list) is as opaque as the object, and dropped.
    void set_items(std::vector<PickleId> const& items) {
        PickleNode& target = top();
        require(items.size() % 2 == 0, "a key without a value");
        if (target.kind == PickleKind::Call) return;
        require(target.kind == PickleKind::Dict, "items are set on something that is no dict");
        for (std::size_t i = 0; i < items.size(); i += 2) {
            PickleKind const key = nodes_[items[i]].kind;
            require(key != PickleKind::List && key != PickleKind::Dict, "a list or dict as a key");
        }
        target.items.insert(target.items.end(), items.begin(), items.end());
    }
    void append(std::vector<PickleId> const& items) {
        PickleNode& target = top();
        if (target.kind == PickleKind::Call) return;
        require(target.kind == PickleKind::List, "items are appended to something that is no list");
        target.items.insert(target.items.end(), items.begin(), items.end());
    }

    void put(std::uint32_t slot) {
        require(slot < limits_.nodes, "a memo index out of range");
        top();
        if (slot >= memo_.size()) memo_.resize(slot + std::size_t{1}, none);
        memo_[slot] = stack_.back();
    }
    void get(std::uint32_t slot) {
        require(slot < memo_.size() && memo_[slot] != none, "a memo index that was never stored");
        stack_.push_back(memo_[slot]);
    }

    void push_global() {
        auto const begin = reader_.position();
        std::uint64_t length = 0;
        for (int newlines = 0; newlines < 2; ++length) {
            require(length < 1024, "a class name is too long");
            newlines += reader_.take_number<std::uint8_t>() == '\n';
        }
        reader_.seek(begin);
        push(PickleKind::Global).text = reader_.take_text(length).substr(0, length - 1);
    }

    // Only the two dictionaries of Python's collections are understood; every other call stays a description.
    void reduce(std::vector<PickleId> call) {
        PickleNode const &callee = nodes_[call[0]], &arguments = nodes_[call[1]];
        require(arguments.kind == PickleKind::Tuple, "call arguments that are no tuple");
        bool const is_dict = callee.kind == PickleKind::Global &&
                             (callee.text == "collections\nOrderedDict" || callee.text == "collections\nCounter");
        if (!is_dict) push(PickleKind::Call, std::move(call));
        else if (arguments.items.empty()) push(PickleKind::Dict);
        else if (nodes_[arguments.items[0]].kind == PickleKind::Dict) stack_.push_back(arguments.items[0]);
        else push_dict(nodes_[arguments.items[0]]);
    }

    // As Python 2 pickles an OrderedDict: from a list of pairs. The list may be shared, so the copies count as steps.
    void push_dict(PickleNode const& pairs) {
        require(pairs.kind == PickleKind::List, "a dict made of something else than pairs");
        require((steps_ += pairs.items.size()) <= limits_.steps, "too many opcodes");
        std::vector<PickleId> items;
        for (PickleId const id : pairs.items) {
            PickleNode const& pair = nodes_[id];
            bool const is_pair = (pair.kind == PickleKind::Tuple || pair.kind == PickleKind::List) && pair.items.size() == 2;
            require(is_pair, "a dict made of something else than pairs");
            items.insert(items.end(), pair.items.begin(), pair.items.end());
        }
        push(PickleKind::Dict);
        set_items(items);
    }

    // The state of an object: of an OrderedDict its `_metadata`, which no reader of weights needs.
    void build() {
        pop(1);
        require(top().kind == PickleKind::Dict || top().kind == PickleKind::Call, "state for something that is no object");
    }

    static constexpr PickleId none = ~PickleId{0};

    ByteReader reader_;
    PickleLimits limits_;
    std::uint64_t at_ = 0;
    std::size_t steps_ = 0;
    std::vector<PickleNode> nodes_;
    std::vector<PickleId> stack_, memo_;
    std::vector<std::size_t> marks_;
};

}  // namespace detail

/// Parses the pickle (protocol 2) that begins at offset `begin`. Anything that plain data does not need is an Error with its offset.
inline Pickle parse_pickle(std::span<std::uint8_t const> bytes, std::uint64_t begin = 0, PickleLimits limits = {}) {
    return detail::PickleMachine(bytes, begin, limits).run();
}

}  // namespace tacet
