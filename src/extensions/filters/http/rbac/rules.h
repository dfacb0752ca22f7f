// Rules: role-based access control's policies ready to judge a request. Immutable, shared by all workers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generated/filters/http/rbac/plan.h"
#include "http/dynamic_metadata.h"
#include "http/matcher.h"
#include "http/path.h"
#include "http/stream_info.h"
#include "net/address.h"
#include "net/tls_info.h"
#include "routing/route_match.h"

namespace nuncio::ext::rbac_rules {

struct Subject {
  http::HeaderMap& headers;
  const http::StreamInfo& info;
  base::Arena& arena;
  std::string_view route_metadata_json = {};
};

/** A condition on a JSON value. */
class ValueRule {
 public:
  using Kind = plan::rbac::Value::Kind;
  static base::Result<ValueRule, std::string> make(const plan::rbac::Value& plan) {
    ValueRule rule;
    rule.kind_ = plan.kind;
    rule.start_ = plan.start;
    rule.end_ = plan.end;
    rule.truth_ = plan.truth;
    if (plan.text) {
      auto text = http::StringMatcher::make(*plan.text);
      if (!text.ok()) return std::move(text.error());
      rule.text_ = std::make_unique<const http::StringMatcher>(std::move(text.value()));
    }
    for (const auto& one : plan.values) {
      auto made = make(one);
      if (!made.ok()) return std::move(made.error());
      rule.values_.push_back(std::move(made.value()));
    }
    return rule;
  }

  /** Null: there is no value. */
  bool fits(const http::MetadataValue* value) const {
    using Type = http::MetadataValue::Kind;
    const auto is = [&](Type type) { return value != nullptr && value->kind == type; };
    switch (kind_) {
      case Kind::NOTHING: return is(Type::kNull);
      case Kind::NUMBER: return is(Type::kNumber) && value->numeric == start_;
      case Kind::RANGE: return is(Type::kNumber) && value->numeric >= start_ && value->numeric < end_;
      case Kind::TEXT: return is(Type::kString) && text_ != nullptr && text_->matches(value->text);
      case Kind::BOOL: return is(Type::kBool) && value->truth == truth_;
      case Kind::PRESENT: return (value != nullptr && !is(Type::kNull)) == truth_;
      case Kind::ANY_OF:
        for (const ValueRule& rule : values_) {
          if (rule.fits(value)) return true;
        }
        return false;
      case Kind::LIST:
        if (!is(Type::kList) || values_.empty()) return false;
        for (const http::MetadataMember* one = value->first; one != nullptr; one = one->next) {
          if (values_[0].fits(&one->value)) return true;
        }
        return false;
    }
    return false;
  }

 private:
  Kind kind_ = Kind::NOTHING;
  double start_ = 0;
  double end_ = 0;
  bool truth_ = false;
  std::unique_ptr<const http::StringMatcher> text_;
  std::vector<ValueRule> values_;
};

class Rule {
 public:
  static base::Result<Rule, std::string> make(const plan::rbac::Rule& plan) {
    Rule rule;
    rule.kind_ = plan.kind;
    for (const auto& one : plan.children) {
      auto child = make(one);
      if (!child.ok()) return std::move(child.error());
      rule.children_.push_back(std::move(child.value()));
    }
    if (plan.header) {
      auto header = http::FieldMatcher::make(*plan.header);
      if (!header.ok()) return std::move(header.error());
      rule.header_ = std::make_unique<const http::FieldMatcher>(std::move(header.value()));
    }
    if (plan.text) {
      auto text = http::StringMatcher::make(*plan.text);
      if (!text.ok()) return std::move(text.error());
      rule.text_ = std::make_unique<const http::StringMatcher>(std::move(text.value()));
    }
    if (plan.range) {
      if (!net::Address::parseIp(plan.range->ip, 0, rule.network_)) return "'" + plan.range->ip + "' is not an IP address";
      rule.prefix_len_ = plan.range->prefix_len;
    }
    if (plan.value) {
      auto value = ValueRule::make(*plan.value);
      if (!value.ok()) return std::move(value.error());
      rule.value_ = std::make_unique<const ValueRule>(std::move(value.value()));
    }
    if (plan.match) {
      auto match = routing::RouteMatch::make(*plan.match);
      if (!match.ok()) return std::move(match.error());
      rule.match_ = std::make_unique<const routing::RouteMatch>(std::move(match.value()));
    }
    for (const auto& range : plan.ranges) {
      auto& [network, prefix] = rule.ranges_.emplace_back();
      if (!net::Address::parseIp(range.ip, 0, network)) return "'" + range.ip + "' is not an IP address";
      prefix = range.prefix_len;
    }
    rule.path_ = plan.path;
    rule.of_route_ = plan.of_route;
    rule.invert_ = plan.invert;
    rule.first_port_ = plan.first_port;
    rule.end_port_ = plan.end_port;
    return rule;
  }

  bool holds(const Subject& subject) const {
    using Kind = plan::rbac::Rule::Kind;
    const http::ConnectionInfo& connection = *subject.info.downstream;
    switch (kind_) {
      case Kind::ANY: return true;
      case Kind::AND:
        for (const Rule& child : children_) {
          if (!child.holds(subject)) return false;
        }
        return true;
      case Kind::OR: return anyHolds(children_, subject);
      case Kind::NOT: return !children_.empty() && !children_[0].holds(subject);
      case Kind::HEADER: return header_ != nullptr && header_->matchesHeader(subject.headers);
      case Kind::URL_PATH:
        return text_ != nullptr && subject.headers.has(http::HeaderId::kPath) &&
               text_->matches(http::pathWithoutQuery(subject.headers.get(http::HeaderId::kPath)));
      case Kind::DESTINATION_IP: return contains(connection.local);
      case Kind::DESTINATION_PORT:
        return connection.local.isIp() && connection.local.port() >= first_port_ && connection.local.port() < end_port_;
      case Kind::SERVER_NAME: return text_ != nullptr && text_->matches(connection.requestedServerName());
      case Kind::AUTHENTICATED: return authenticated(connection.tls);
      case Kind::CONNECTION_IP: return contains(connection.remote);
      case Kind::DIRECT_REMOTE_IP:
        return contains(connection.directRemote());
      case Kind::REMOTE_IP:
        return contains(subject.info.remote.family() != net::Address::Family::kNone ? subject.info.remote : connection.remote);
      case Kind::METADATA: return value_ != nullptr && value_->fits(metadata(subject)) != invert_;
      case Kind::FILTER_STATE: return filterStateFits(subject);
      case Kind::ROUTE_MATCH: {
        const routing::MatchInput input = routing::MatchInput::of(subject.headers, 0);
        return match_ != nullptr && input.path.data() != nullptr && match_->matches(input, input.path);
      }
    }
    return false;
  }

  static bool anyHolds(const std::vector<Rule>& rules, const Subject& subject) {
    for (const Rule& rule : rules) {
      if (rule.holds(subject)) return true;
    }
    return false;
  }

 private:
  Rule() = default;

  const http::MetadataValue* metadata(const Subject& subject) const {
    if (!of_route_) return subject.info.dynamic_metadata == nullptr ? nullptr : subject.info.dynamic_metadata->find(path_);
    auto* root = subject.arena.make<http::MetadataValue>();
    if (!http::parseMetadata(subject.route_metadata_json, subject.arena, *root)) return nullptr;
    const http::MetadataValue* value = root;
    for (const std::string& key : path_) {
      if (value != nullptr) value = value->find(key);
    }
    return value;
  }

  bool filterStateFits(const Subject& subject) const {
    const std::string_view name = path_.empty() ? std::string_view() : std::string_view(path_[0]);
    std::string_view text;
    if (subject.info.filter_state != nullptr) text = subject.info.filter_state->find(name);
    const auto& facts = subject.info.downstream->facts;
    if (text.data() == nullptr && facts != nullptr) text = facts->filter_state.find(name);
    if (text.data() == nullptr) return false;
    if (text_ != nullptr) return text_->matches(text);
    net::Address address;
    if (!net::Address::parseIp(text.substr(0, text.find(text.starts_with('[') ? ']' : ':')), 0, address)) return false;
    for (const auto& [network, prefix] : ranges_) {
      if (address.within(network, prefix)) return !invert_;
    }
    return invert_;
  }

  bool contains(const net::Address& address) const { return address.isIp() && address.within(network_, prefix_len_); }

  /** By the certificate's names: those of URIs, or else of DNS, or else its subject. */
  bool authenticated(const net::TlsInfo* tls) const {
    using Info = net::TlsInfo;
    if (tls == nullptr) return false;
    if (text_ == nullptr) return tls->peerCertificatePresented();
    for (const Info::San kind : {Info::San::kUri, Info::San::kDns}) {
      const auto names = tls->sans(Info::Side::kPeer, kind);
      for (const std::string& name : names) {
        if (text_->matches(name)) return true;
      }
    }
    const std::string_view subject = tls->subject(Info::Side::kPeer);
    return !subject.empty() && text_->matches(subject);
  }

  plan::rbac::Rule::Kind kind_ = plan::rbac::Rule::Kind::ANY;
  std::vector<Rule> children_;
  std::unique_ptr<const http::FieldMatcher> header_;
  std::unique_ptr<const http::StringMatcher> text_;
  std::unique_ptr<const ValueRule> value_;
  std::unique_ptr<const routing::RouteMatch> match_;
  std::vector<std::pair<net::Address, uint32_t>> ranges_;
  std::vector<std::string> path_;
  bool of_route_ = false;
  bool invert_ = false;
  net::Address network_;
  uint32_t prefix_len_ = 0;
  uint32_t first_port_ = 0;
  uint32_t end_port_ = 0;
};

struct Policy {
  std::string name;
  std::vector<Rule> permissions;
  std::vector<Rule> principals;
};

class Rules {
 public:
  using Action = plan::rbac::Rules::Action;

  static base::Result<std::unique_ptr<const Rules>, std::string> make(const plan::rbac::Rules& plan) {
    auto rules = std::make_unique<Rules>();
    rules->action_ = plan.action;
    for (const auto& one : plan.policies) {
      Policy& policy = rules->policies_.emplace_back();
      policy.name = one.name;
      for (const auto& [from, to] : {std::pair(&one.permissions, &policy.permissions), {&one.principals, &policy.principals}}) {
        for (const auto& rule : *from) {
          auto made = Rule::make(rule);
          if (!made.ok()) return "policy '" + one.name + "': " + made.error();
          to->push_back(std::move(made.value()));
        }
      }
    }
    return std::unique_ptr<const Rules>(std::move(rules));
  }

  struct Judgement {
    bool allowed;
    bool matched;
    std::string_view policy;  // that matched; empty: none
  };

  Judgement judge(const Subject& subject) const {
    for (const Policy& policy : policies_) {
      if (!Rule::anyHolds(policy.permissions, subject) || !Rule::anyHolds(policy.principals, subject)) continue;
      return {action_ != Action::DENY, true, policy.name};
    }
    return {action_ != Action::ALLOW, false, {}};
  }
  Action action() const { return action_; }

 private:
  Action action_ = Action::ALLOW;
  std::vector<Policy> policies_;
};

}  // namespace nuncio::ext::rbac_rules
