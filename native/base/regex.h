// Regex: a regular expression in RE2's syntax, as Envoy reads it (bytes, not characters; linear time). RE2 stays inside regex.cc.
// Immutable and safe to use from every worker at once; owned by the plan object that was made from the configuration.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace nuncio::base {

class Regex {
 public:
  /** The failure is RE2's own sentence about the pattern ("missing ): a("). */
  static Result<std::unique_ptr<const Regex>, std::string> make(std::string_view pattern);

  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;
  ~Regex();

  /** Does the whole text match? */
  bool fullMatch(std::string_view text) const;
  /** Does some part of the text match? */
  bool contains(std::string_view text) const;

  /** How many groups the pattern captures: what a substitution may refer to. */
  int groups() const;
  /** Null when a substitution ("\1-\2") is well formed and names only groups there are; else why not. */
  const char* checkSubstitution(std::string_view substitution) const;

  /**
   * The text with every match replaced. `\0` … `\9` stand for groups, `\\` for a backslash. The result lives in the
   * arena; it is `text` itself when nothing matched.
   */
  std::string_view replaceAll(Arena& arena, std::string_view text, std::string_view substitution) const;

 private:
  class Engine;
  explicit Regex(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

/** A pattern with the text that takes the place of its matches (Envoy's RegexMatchAndSubstitute). */
struct RegexRewrite {
  std::unique_ptr<const Regex> pattern;
  std::string substitution;

  std::string_view apply(Arena& arena, std::string_view text) const {
    return pattern->replaceAll(arena, text, substitution);
  }
};

}  // namespace nuncio::base
