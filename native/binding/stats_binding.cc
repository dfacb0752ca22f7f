#include "binding/stats_binding.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace nuncio::binding {
namespace {

using stats::Bin;
using stats::GaugeCell;
using stats::Kind;
using stats::KindTemplate;
using stats::Registry;
using stats::Scope;
using stats::Type;

Napi::String text(Napi::Env env, std::string_view value) { return Napi::String::New(env, value.data(), value.size()); }

const char* typeName(Type type) {
  switch (type) {
    case Type::kCounter: return "counter";
    case Type::kGauge: return "gauge";
    case Type::kLazyCounter: return "lazy_counter";
  }
  return "counter";
}

const char* unitName(stats::Unit unit) {
  switch (unit) {
    case stats::Unit::kUnspecified: return "unspecified";
    case stats::Unit::kBytes: return "bytes";
    case stats::Unit::kMicroseconds: return "microseconds";
    case stats::Unit::kMilliseconds: return "milliseconds";
    case stats::Unit::kPercent: return "percent";
  }
  return "unspecified";
}

Napi::Object templateObject(Napi::Env env, const KindTemplate& kind) {
  Napi::Array rows = Napi::Array::New(env, kind.stats.size());
  for (size_t i = 0; i < kind.stats.size(); ++i) {
    Napi::Object row = Napi::Object::New(env);
    row["name"] = text(env, kind.stats[i].name);
    row["type"] = Napi::String::New(env, typeName(kind.stats[i].type));
    rows.Set(static_cast<uint32_t>(i), row);
  }
  Napi::Array histograms = Napi::Array::New(env, kind.histograms.size());
  for (size_t i = 0; i < kind.histograms.size(); ++i) {
    Napi::Object row = Napi::Object::New(env);
    row["name"] = text(env, kind.histograms[i].name);
    row["unit"] = Napi::String::New(env, unitName(kind.histograms[i].unit));
    row["lazy"] = Napi::Boolean::New(env, kind.histograms[i].lazy);
    histograms.Set(static_cast<uint32_t>(i), row);
  }
  Napi::Object out = Napi::Object::New(env);
  out["kind"] = text(env, kind.name);
  out["prefix"] = text(env, kind.prefix);
  out["stats"] = rows;
  out["histograms"] = histograms;
  return out;
}

/** Adds up the scopes of one name, row by row, into flat arrays. */
class Reading {
 public:
  explicit Reading(const KindTemplate& kind) : kind_(kind) {}

  /** `same`: all scopes of one name. */
  void addRow(const Scope* const* same, size_t count) {
    const double row = static_cast<double>(names_.size());
    names_.push_back(same[0]->name());
    const size_t stats = kind_.stats.size();
    for (size_t i = 0; i < stats; ++i) addStat(same, count, i);
    addCodes(same, count, row);
    for (size_t h = 0; h < kind_.histograms.size(); ++h) addHistogram(same, count, row, h);
  }

  Napi::Object toObject(Napi::Env env) const {
    Napi::Array names = Napi::Array::New(env, names_.size());
    for (size_t i = 0; i < names_.size(); ++i) names.Set(static_cast<uint32_t>(i), text(env, names_[i]));
    Napi::Object out = Napi::Object::New(env);
    out["names"] = names;
    out["values"] = doubles(env, values_);
    Napi::Uint8Array used = Napi::Uint8Array::New(env, used_.size());
    std::copy(used_.begin(), used_.end(), used.Data());
    out["used"] = used;
    out["codes"] = doubles(env, codes_);
    out["histograms"] = doubles(env, histograms_);
    return out;
  }

 private:
  static Napi::Float64Array doubles(Napi::Env env, const std::vector<double>& from) {
    Napi::Float64Array out = Napi::Float64Array::New(env, from.size());
    std::copy(from.begin(), from.end(), out.Data());
    return out;
  }

  void addStat(const Scope* const* same, size_t count, size_t index) {
    const bool gauge = kind_.stats[index].type == Type::kGauge;
    double sum = 0;
    bool used = false;
    for (size_t s = 0; s < count; ++s) {
      const uint64_t cell = same[s]->cell(index).load(std::memory_order_relaxed);
      sum += gauge ? static_cast<double>(GaugeCell::value(cell)) : static_cast<double>(cell);
      used = used || cell != 0;
    }
    // Workers are read one after the other: a connection that moved on meanwhile must not show as -1. Shared gauges
    // are unsigned: below zero stand the largest numbers ("no limit" of a circuit breaker).
    values_.push_back(gauge && sum < 0 && !same[0]->shared() ? 0 : sum);
    used_.push_back(used ? 1 : 0);
  }

  void addCodes(const Scope* const* same, size_t count, double row) {
    std::map<unsigned, double> codes;
    for (size_t s = 0; s < count; ++s) {
      const stats::ResponseCodes* made = same[s]->findResponseCodes();
      if (made == nullptr) continue;
      made->forEach([&](unsigned id, uint64_t n) { codes[id] += static_cast<double>(n); });
    }
    for (const auto& [id, n] : codes) codes_.insert(codes_.end(), {row, static_cast<double>(id), n});
  }

  void addHistogram(const Scope* const* same, size_t count, double row, size_t index) {
    std::map<unsigned, double> bins;  // by exponent, then mantissa: in order of value
    for (size_t s = 0; s < count; ++s) {
      const stats::Histogram* made = same[s]->findHistogram(index);
      if (made == nullptr) continue;
      made->forEach([&](Bin bin, uint64_t n) { bins[bin.exponent * 256u + bin.mantissa] += static_cast<double>(n); });
    }
    if (bins.empty()) return;
    histograms_.insert(histograms_.end(), {row, static_cast<double>(index), static_cast<double>(bins.size())});
    for (const auto& [key, n] : bins) {
      histograms_.insert(histograms_.end(), {static_cast<double>(key % 256u), static_cast<double>(key / 256u), n});
    }
  }

  const KindTemplate& kind_;
  std::vector<std::string_view> names_;  // of scopes that live until the next drop, so through this call
  std::vector<double> values_, codes_, histograms_;
  std::vector<uint8_t> used_;
};

Napi::Value read(Napi::Env env, Kind kind, const std::vector<const Scope*>& scopes) {
  Reading reading(stats::templateOf(kind));
  for (size_t i = 0; i < scopes.size();) {
    size_t end = i + 1;
    while (end < scopes.size() && scopes[end]->name() == scopes[i]->name()) ++end;
    reading.addRow(&scopes[i], end - i);
    i = end;
  }
  return reading.toObject(env);
}

/** The first argument as a kind; throws a TypeError into JavaScript when it is none. */
bool kindArgument(const Napi::CallbackInfo& info, Kind& kind) {
  if (info.Length() >= 1 && info[0].IsNumber()) {
    const double number = info[0].As<Napi::Number>().DoubleValue();
    if (number >= 0 && number < static_cast<double>(stats::kKinds)) {
      kind = static_cast<Kind>(number);
      return true;
    }
  }
  Napi::TypeError::New(info.Env(), "kind: expected the index of a stats template").ThrowAsJavaScriptException();
  return false;
}

bool nameArgument(const Napi::CallbackInfo& info, std::string& name) {
  if (info.Length() >= 2 && info[1].IsString()) {
    name = info[1].As<Napi::String>().Utf8Value();
    return true;
  }
  Napi::TypeError::New(info.Env(), "name: expected the name of a scope").ThrowAsJavaScriptException();
  return false;
}

Registry& registryOf(const Napi::CallbackInfo& info) { return *static_cast<Registry*>(info.Data()); }

Napi::Value statsTemplates(const Napi::CallbackInfo& info) {
  Napi::Array out = Napi::Array::New(info.Env(), stats::kKinds);
  for (uint32_t i = 0; i < stats::kKinds; ++i) {
    out.Set(i, templateObject(info.Env(), stats::templateOf(static_cast<Kind>(i))));
  }
  return out;
}

Napi::Value readScopes(const Napi::CallbackInfo& info) {
  Kind kind;
  if (!kindArgument(info, kind)) return info.Env().Undefined();
  return read(info.Env(), kind, registryOf(info).scopes(kind));
}

Napi::Value readScope(const Napi::CallbackInfo& info) {
  Kind kind;
  std::string name;
  if (!kindArgument(info, kind) || !nameArgument(info, name)) return info.Env().Undefined();
  return read(info.Env(), kind, registryOf(info).scopes(kind, name));
}

Napi::Value dropScope(const Napi::CallbackInfo& info) {
  Kind kind;
  std::string name;
  if (kindArgument(info, kind) && nameArgument(info, name)) registryOf(info).drop(kind, name);
  return info.Env().Undefined();
}

Napi::Value sweepScopes(const Napi::CallbackInfo& info) {
  registryOf(info).sweep();
  return info.Env().Undefined();
}

}  // namespace

void exportStats(Napi::Env env, Napi::Object exports, Registry& registry) {
  const auto add = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, call, name, &registry));
  };
  add("statsTemplates", statsTemplates);
  add("readScopes", readScopes);
  add("readScope", readScope);
  add("dropScope", dropScope);
  add("sweepScopes", sweepScopes);
}

}  // namespace nuncio::binding
