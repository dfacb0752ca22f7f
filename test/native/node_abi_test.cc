#include "node_abi/llhttp.h"

#include "test/native/test.h"

namespace nuncio::node_abi {
namespace {

TEST("llhttp: the running node's tokenizer is the one we know") {
  const char* problem = selfTestLlhttp();
  EXPECT_EQ(std::string_view(problem == nullptr ? "" : problem), std::string_view());
}

struct Collected : HeaderLines {
  std::string text;
};

std::string tokenized(std::string_view block) {
  Collected lines;
  lines.onLine = [](HeaderLines& base, const char* name, size_t name_size, const char* value, size_t value_size) {
    static_cast<Collected&>(base).text += "[" + std::string(name, name_size) + "=" + std::string(value, value_size) + "]";
    return true;
  };
  const char* error = tokenizeHeaderLines(lines, block.data(), block.size());
  return lines.text + (error == nullptr ? "" : " !");
}

TEST("llhttp: lines come whole, bad ones are refused") {
  EXPECT_EQ(tokenized("A: b\r\nc:\r\nUpgrade: x\r\nConnection: upgrade, close\r\n"),
            std::string_view("[A=b][c=][Upgrade=x][Connection=upgrade, close]"));
  EXPECT_EQ(tokenized("a: caf\xe9\r\n"), std::string_view("[a=caf\xe9]"));
  EXPECT_EQ(tokenized("Transfer-Encoding: \r\nUpgrade:\r\nx:\r\nContent-Length:\r\n"),
            std::string_view("[Transfer-Encoding=][Upgrade=][x=][Content-Length=]"));
  EXPECT(tokenized("a : b\r\n").ends_with("!"));
  EXPECT(tokenized("a\r\n").ends_with("!"));
  EXPECT(tokenized(": b\r\n").ends_with("!"));
  EXPECT(tokenized("a(b: b\r\n").ends_with("!"));
  EXPECT(tokenized("a: \x01\r\n").ends_with("!"));
  EXPECT(tokenized("a: \x7f\r\n").ends_with("!"));
  EXPECT(tokenized("a: b\nc: d\r\n").ends_with("!"));
  EXPECT(tokenized("a: b\rc\r\n").ends_with("!"));
  EXPECT(tokenized("a: b\r\n c\r\nd: e\r\n").ends_with("!"));
}

}  // namespace
}  // namespace nuncio::node_abi
