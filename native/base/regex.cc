#include "base/regex.h"

#include <algorithm>
#include <cstring>

#include "base/ascii.h"
#include "re2/re2.h"

namespace nuncio::base {
namespace {

constexpr int kMaxGroup = 9;  // a substitution names groups by one digit

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/** A text that grows in the arena; doubling, so that the waste is bounded. */
class ArenaText {
 public:
  ArenaText(Arena& arena, size_t capacity)
      : arena_(arena), begin_(static_cast<char*>(arena.allocate(capacity, 1))), capacity_(capacity) {}
  void append(std::string_view text) {
    if (text.empty()) return;
    if (size_ + text.size() > capacity_) {
      capacity_ = std::max(capacity_ * 2, size_ + text.size());
      char* grown = static_cast<char*>(arena_.allocate(capacity_, 1));
      std::memcpy(grown, begin_, size_);
      begin_ = grown;
    }
    std::memcpy(begin_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  std::string_view view() const { return {begin_, size_}; }

 private:
  Arena& arena_;
  char* begin_;
  size_t size_ = 0;
  size_t capacity_;
};

void appendSubstitution(ArenaText& out, std::string_view substitution, const re2::StringPiece* groups) {
  for (size_t i = 0; i < substitution.size(); ++i) {
    const char c = substitution[i];
    if (c != '\\' || i + 1 == substitution.size()) {
      out.append({&substitution[i], 1});
    } else if (const char next = substitution[++i]; isDigit(next)) {
      const re2::StringPiece& group = groups[next - '0'];
      out.append({group.data(), group.size()});
    } else {
      out.append({&substitution[i], 1});
    }
  }
}

/** The highest group a substitution names. */
int highestGroup(std::string_view substitution) {
  int highest = 0;
  for (size_t i = 0; i + 1 < substitution.size(); ++i) {
    if (substitution[i] != '\\') continue;
    if (isDigit(substitution[++i])) highest = std::max(highest, substitution[i] - '0');
  }
  return highest;
}

}  // namespace

class Regex::Engine : public re2::RE2 {
 public:
  explicit Engine(std::string_view pattern) : RE2(piece(pattern), options()) {}

 private:
  static Options options() {
    Options options;
    options.set_encoding(Options::EncodingLatin1);
    options.set_log_errors(false);
    return options;
  }
};

Regex::Regex(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
Regex::~Regex() = default;

Result<std::unique_ptr<const Regex>, std::string> Regex::make(std::string_view pattern) {
  auto engine = std::make_unique<Engine>(pattern);
  if (!engine->ok()) return engine->error();
  return std::unique_ptr<const Regex>(new Regex(std::move(engine)));
}

bool Regex::fullMatch(std::string_view text) const {
  return engine_->Match(piece(text), 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

bool Regex::contains(std::string_view text) const {
  return engine_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

int Regex::groups() const { return engine_->NumberOfCapturingGroups(); }

const char* Regex::checkSubstitution(std::string_view substitution) const {
  for (size_t i = 0; i < substitution.size(); ++i) {
    if (substitution[i] != '\\') continue;
    if (++i == substitution.size()) return "a substitution may not end in a backslash";
    if (substitution[i] != '\\' && !isDigit(substitution[i])) return "a backslash must be followed by a digit or a backslash";
  }
  return highestGroup(substitution) > groups() ? "the substitution names a group the pattern does not have" : nullptr;
}

std::string_view Regex::replaceAll(Arena& arena, std::string_view text, std::string_view substitution) const {
  re2::StringPiece found[kMaxGroup + 1];
  const int wanted = highestGroup(substitution);
  if (wanted > groups()) return text;
  if (text.data() == nullptr) text = std::string_view("", 0);
  size_t at = 0;
  const auto next = [&] {
    return engine_->Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, found, wanted + 1);
  };
  if (!next()) return text;
  ArenaText out(arena, text.size() + substitution.size() + 16);
  const char* last_end = nullptr;
  do {
    const size_t begin = static_cast<size_t>(found[0].data() - text.data());
    out.append(text.substr(at, begin - at));
    at = begin;
    if (found[0].empty() && found[0].data() == last_end) {
      // An empty match where the last one ended counts no more: go on by one byte.
      if (at == text.size()) break;
      out.append(text.substr(at++, 1));
      continue;
    }
    appendSubstitution(out, substitution, found);
    at += found[0].size();
    last_end = text.data() + at;
  } while (at <= text.size() && next());
  if (at < text.size()) out.append(text.substr(at));
  return out.view();
}

}  // namespace nuncio::base
