// SPDX-License-Identifier: MIT
#include <tacet/io/pickle.hpp>
#include <support/catch.hpp>
#include <support/checkpoint_bytes.hpp>
#include <cstdlib>

namespace pickle_test {
using namespace tacet;
using namespace tacet::test;

namespace {

// The tree points into the bytes: both have to live.
struct Parsed {
    explicit Parsed(std::string const& value, PickleLimits limits = {})
        : bytes(to_bytes(whole_pickle(value))), tree(parse_pickle(bytes, 0, limits)) {}
    PickleNode const& root() const { return tree[tree.root]; }
    PickleNode const& item(std::size_t i) const { return tree[root().items.at(i)]; }
    std::vector<std::uint8_t> bytes;
    Pickle tree;
};

void parse(std::string const& value, PickleLimits limits = {}) { Parsed(value, limits); }

}  // namespace

TEST_CASE("Pickle reads numbers of every form", "[pickle]") {
    Parsed const p("(NK\xffM\x01\x80J" + little_endian(-5) + "\x88\x89" + "G\x40\x04" + std::string(6, '\0') + "t");
    CHECK(p.item(0).kind == PickleKind::None);
    CHECK(p.item(1).integer == 255);
    CHECK(p.item(2).integer == 0x8001);
    CHECK(p.item(3).integer == -5);
    CHECK((p.item(4).kind == PickleKind::Bool && p.item(4).integer == 1));
    CHECK((p.item(5).kind == PickleKind::Bool && p.item(5).integer == 0));
    CHECK((p.item(6).kind == PickleKind::Float && p.item(6).real == 2.5));
}

TEST_CASE("Pickle reads long integers with their sign", "[pickle]") {
    std::string const zero("\x8a\x00", 2), small("\x8a\x02\xff\x00", 4);
    Parsed const p("(" + zero + "\x8a\x01\xff" + small + "\x8a\x08" + little_endian(std::int64_t{-1} << 62) + "\x8a\x09"
                   + std::string(9, '\1') + "t");
    CHECK(p.item(0).integer == 0);
    CHECK(p.item(1).integer == -1);
    CHECK(p.item(2).integer == 255);
    CHECK(p.item(3).integer == std::int64_t{-1} << 62);
    CHECK((p.item(4).kind == PickleKind::BigInt && p.item(4).text == std::string(9, '\1')));
}

TEST_CASE("Pickle reads text, also of Python 2", "[pickle]") {
    Parsed const p("(" + pickled_text("größe") + "U\x02" + "ab" + "T" + little_endian(std::uint32_t{3}) + "abct");
    CHECK(p.item(0).text == "größe");
    CHECK(p.item(1).text == "ab");
    CHECK(p.item(2).text == "abc");
}

TEST_CASE("Pickle reads containers", "[pickle]") {
    Parsed const p("(]K\x01" "a(K\x02K\x03" "e}K\x04K\x05" "s" "K\x06\x85K\x06K\x07\x86K\x06K\x07K\x08\x87)t");
    REQUIRE(p.root().items.size() == 6);
    CHECK(p.item(0).items.size() == 3);
    CHECK(p.tree[p.item(0).items[2]].integer == 3);
    CHECK(p.item(1).kind == PickleKind::Dict);
    CHECK(p.tree[p.item(1).items[1]].integer == 5);
    CHECK(p.item(2).items.size() == 1);
    CHECK(p.item(3).items.size() == 2);
    CHECK(p.item(4).items.size() == 3);
    CHECK(p.item(5).items.empty());
    CHECK(p.tree.end == p.bytes.size());
}

TEST_CASE("Pickle knows OrderedDict and Counter; BUILD's state is dropped", "[pickle]") {
    Parsed const p(pickled_ordered_dict({{"a", pickled(1)}, {"b", pickled(2)}, {"a", pickled(3)}}) + pickled_dict({{"_metadata", "}"}})
                   + "b");
    CHECK(p.root().kind == PickleKind::Dict);
    CHECK(p.root().items.size() == 6);
    CHECK(p.tree.find(p.root(), "a")->integer == 3);
    CHECK(p.tree.find(p.root(), "b")->integer == 2);
    CHECK(p.tree.find(p.root(), "c") == nullptr);
    CHECK(p.tree.find(p.tree[0], "a") == nullptr);  // the class: no dict

    std::string const pairs = "](" + pickled_tuple({pickled_text("k"), pickled(7)}) + "]K\x01" "aK\x02" "ae\x85";
    Parsed const old(pickled_call("collections", "OrderedDict", pairs));
    CHECK(old.tree.find(old.root(), "k")->integer == 7);
    CHECK(old.root().items.size() == 4);

    Parsed const counter(pickled_call("collections", "Counter", pickled_dict({{"n", pickled(9)}}) + "\x85"));
    CHECK(counter.tree.find(counter.root(), "n")->integer == 9);
}

TEST_CASE("Pickle describes calls and objects, and runs nothing", "[pickle]") {
    ::unsetenv("TACET_PICKLE_RAN");
    Parsed const p("(" + pickled_call("os", "system", pickled_text("export TACET_PICKLE_RAN=1; exit 1") + "\x85") +
                   pickled_class("some.where", "Thing") + ")\x81" + pickled_dict({{"x", pickled(1)}}) + "b" + pickled(5) + "Qt");
    CHECK(std::getenv("TACET_PICKLE_RAN") == nullptr);
    CHECK(p.item(0).kind == PickleKind::Call);
    CHECK(p.tree[p.item(0).items[0]].text == "os\nsystem");
    CHECK(p.item(1).kind == PickleKind::Call);
    CHECK(p.item(2).kind == PickleKind::Persistent);
    CHECK(p.tree[p.item(2).items[0]].integer == 5);
}

TEST_CASE("Pickle drops what is stored into foreign objects", "[pickle]") {
    std::string const thing = pickled_call("some", "Dict", ")");
    CHECK(Parsed(thing + pickled_items({{"a", pickled(1)}})).root().items.size() == 2);
    CHECK(Parsed(thing + "K\x01" "a(K\x01" "e").root().items.size() == 2);
}

TEST_CASE("Pickle shares what the memo shares", "[pickle]") {
    Parsed const p("(]q\x07h\x07j" + little_endian(std::uint32_t{7}) + "K\x01r" + little_endian(std::uint32_t{300}) + "j" +
                   little_endian(std::uint32_t{300}) + "t");
    auto const& items = p.root().items;
    REQUIRE(items.size() == 5);
    CHECK((items[0] == items[1] && items[0] == items[2]));
    CHECK((items[3] == items[4] && items[3] != items[0]));
}

TEST_CASE("Pickle costs its length even when it shares exponentially", "[pickle]") {
    std::string value = std::string("]q\0", 3);
    for (char i = 0; i < 60; ++i)
        value += "](h" + std::string(1, i) + "h" + std::string(1, i) + "eq" + std::string(1, static_cast<char>(i + 1));
    Parsed const p("(" + value + "t");
    CHECK(p.tree.nodes.size() == 62);

    // The same from CPython's own doubling, DUP and APPEND: no checkpoint has DUP.
    std::string bomb = "]";
    for (int i = 0; i < 24; ++i) bomb += "2a";
    CHECK_THROWS_WITH(parse(bomb), contains("pickle: opcode 50 is not allowed in a checkpoint at offset 3"));
}

TEST_CASE("Pickle may hold itself", "[pickle]") {
    Parsed const p(std::string("]q\0h\0a", 6));
    CHECK(p.item(0).items == p.root().items);
}

TEST_CASE("Pickle refuses all opcodes but those of plain data", "[pickle]") {
    std::string const allowed = "\x80\x81\x85\x86\x87\x88\x89\x8aNKMJGXUT()]}tsuaeqrhjcRQb.";
    int refused = 0;
    for (int op = 0; op < 256; ++op) {
        char const code = static_cast<char>(op);
        if (allowed.find(code) != std::string::npos) continue;
        CHECK_THROWS_WITH(parse(std::string(1, code)),
                          contains("opcode " + std::to_string(op) + " is not allowed in a checkpoint at offset 2"));
        ++refused;
    }
    CHECK(refused == 256 - 34);
}

TEST_CASE("Pickle checks the type of everything it stores into", "[pickle]") {
    CHECK_THROWS_WITH(parse("](K\x01K\x02u"), contains("items are set on something that is no dict at offset 8"));
    CHECK_THROWS_WITH(parse("K\x01K\x02K\x03s"), contains("items are set on something that is no dict"));
    CHECK_THROWS_WITH(parse(")(K\x01K\x02u"), contains("no dict"));
    CHECK_THROWS_WITH(parse("}K\x01" "a"), contains("items are appended to something that is no list at offset 5"));
    CHECK_THROWS_WITH(parse("}(K\x01" "e"), contains("no list"));
    CHECK_THROWS_WITH(parse("}(K\x01u"), contains("a key without a value"));
    CHECK_THROWS_WITH(parse("}]K\x01s"), contains("a list or dict as a key"));
    CHECK_THROWS_WITH(parse("K\x01}b"), contains("state for something that is no object"));
    CHECK_THROWS_WITH(parse("cos\nsystem\n]R"), contains("call arguments that are no tuple"));
    CHECK_THROWS_WITH(parse("ccollections\nOrderedDict\nK\x01\x85R"), contains("a dict made of something else than pairs"));
    CHECK_THROWS_WITH(parse("ccollections\nOrderedDict\n]K\x01" "a\x85R"), contains("a dict made of something else than pairs"));
}

TEST_CASE("Pickle checks its stack and memo", "[pickle]") {
    CHECK_THROWS_WITH(parse("a"), contains("not enough values on the stack at offset 2"));
    CHECK_THROWS_WITH(parse("K\x01s"), contains("not enough values"));
    CHECK_THROWS_WITH(parse("K\x01(\x85"), contains("not enough values"));  // values below a mark are out of reach
    CHECK_THROWS_WITH(parse("q\x01"), contains("not enough values"));
    CHECK_THROWS_WITH(parse("K\x01(q\x01"), contains("not enough values"));
    CHECK_THROWS_WITH(parse("t"), contains("no mark on the stack"));
    CHECK_THROWS_WITH(parse("Kxu"), contains("no mark on the stack"));
    CHECK_THROWS_WITH(parse("h\x01"), contains("a memo index that was never stored"));
    CHECK_THROWS_WITH(parse(std::string("]q\x05h\x04", 5)), contains("a memo index that was never stored"));
    CHECK_THROWS_WITH(parse("]r\xff\xff\xff\xff"), contains("a memo index out of range"));
    CHECK_THROWS_WITH(parse("]j\xff\xff\xff\xff"), contains("a memo index that was never stored"));
    CHECK_THROWS_WITH(parse(""), contains("stop with an unfinished value"));
    CHECK_THROWS_WITH(parse("K\x01K\x02"), contains("stop with an unfinished value"));
    CHECK_THROWS_WITH(parse("(K\x01"), contains("stop with an unfinished value"));
}

TEST_CASE("Pickle refuses protocols other than 2", "[pickle]") {
    auto const bytes = to_bytes("\x80\x04K\x01.");
    CHECK_THROWS_WITH(parse_pickle(bytes), contains("protocol 4 instead of 2, torch.save's default, at offset 0"));
}

TEST_CASE("Pickle keeps its limits", "[pickle]") {
    CHECK_THROWS_WITH(parse("(" + std::string(20, 'N') + "t", {.nodes = 10}), contains("too many values at offset 13"));
    CHECK_THROWS_WITH(parse("(" + std::string(20, 'N') + "t", {.nodes = 100, .steps = 10}), contains("too many opcodes at offset 11"));
    CHECK_THROWS_WITH(parse(std::string(65, '(')), contains("nested too deeply at offset 66"));
    CHECK_THROWS_WITH(parse("X\xff\xff\xff\x7f"), contains("a string is too long"));
    CHECK_THROWS_WITH(parse("c" + std::string(2000, 'x')), contains("a class name is too long"));
    // One list of pairs turned into a dict again and again: the copies count.
    std::string pairs = "](" + std::string("NN\x86");
    for (int i = 0; i < 99; ++i) pairs += "NN\x86";
    pairs += std::string("eq\0", 3);
    std::string value = "(" + pairs;
    for (int i = 0; i < 100; ++i) value += std::string("ccollections\nOrderedDict\nh\0\x85R", 29);
    CHECK_THROWS_WITH(parse(value + "t", {.nodes = 5000, .steps = 5000}), contains("too many opcodes"));
    CHECK(Parsed(value + "t", {.nodes = 5000, .steps = 20000}).root().items.size() == 101);
}

TEST_CASE("Pickle cut anywhere is an Error", "[pickle]") {
    std::string const value = pickled_ordered_dict({{"a", pickled_tensor(pickled_storage("FloatStorage", "0", 6), {2, 3}, {3, 1})},
                                                    {"b", "J" + little_endian(70000) + "G" + std::string(8, '\0') + "\x86"}});
    auto const whole = to_bytes(whole_pickle(value));
    CHECK_NOTHROW(parse_pickle(whole));
    for (std::size_t n = 0; n < whole.size(); ++n) {
        std::vector<std::uint8_t> const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
        CHECK_THROWS_AS(parse_pickle(part), Error);
    }
}

TEST_CASE("Pickle starts anywhere and says where it ends", "[pickle]") {
    auto const bytes = to_bytes("zz" + whole_pickle("K\x05") + "more");
    auto const tree = parse_pickle(bytes, 2);
    CHECK(tree[tree.root].integer == 5);
    CHECK(tree.end == 7);
    CHECK_THROWS_WITH(parse_pickle(bytes, 100), contains("pickle: offset 100 is beyond the end of the file"));
}
}  // namespace pickle_test
