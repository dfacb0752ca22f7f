#include "test/native/h2/documents.h"

#include <sstream>
#include <string_view>

#include "base/ascii.h"
#include "test/native/h2/frames.h"
#include "test/native/test.h"

namespace nuncio::test::h2 {
namespace {

bool setting(const std::string& settings, std::string_view name, std::string* value = nullptr) {
  std::istringstream words(settings);
  std::string word;
  while (words >> word) {
    if (word == name) return true;
    if (value != nullptr && word.starts_with(std::string(name) + "=")) {
      *value = word.substr(name.size() + 1);
      return true;
    }
  }
  return false;
}

uint32_t number(const std::string& settings, std::string_view name, uint32_t otherwise) {
  std::string value;
  return setting(settings, name, &value) ? base::parseDecimal<uint32_t>(value).value_or(otherwise) : otherwise;
}

void applyOptions(const std::string& settings, http::h2::CommonOptions& options) {
  options.max_head_bytes = number(settings, "max_head_bytes", options.max_head_bytes);
  options.max_headers = number(settings, "max_headers", options.max_headers);
  options.max_concurrent_streams = number(settings, "max_concurrent_streams", options.max_concurrent_streams);
  options.initial_stream_window = number(settings, "stream_window", options.initial_stream_window);
  options.initial_connection_window = number(settings, "connection_window", options.initial_connection_window);
  options.max_outbound_frames = number(settings, "max_outbound_frames", options.max_outbound_frames);
  options.max_outbound_control_frames = number(settings, "max_outbound_control_frames", options.max_outbound_control_frames);
  options.allow_connect = setting(settings, "allow_connect");
  options.stream_error_on_invalid_message = setting(settings, "stream_error");
}

}  // namespace

bool isResponse(const Case& one) { return one.file.find("/response") != std::string::npos; }

Recorded run(const Case& one, const Cuts& cuts) {
  if (isResponse(one)) {
    ClientRun run;
    applyOptions(one.settings, run.options);
    setting(one.settings, "method", &run.method);
    run.requests = static_cast<int>(number(one.settings, "requests", 1));
    run.body_open = setting(one.settings, "body_open");
    return recordClient(one.input, run, cuts, !setting(one.settings, "raw"));
  }
  ServerRun run;
  applyOptions(one.settings, run.options);
  if (setting(one.settings, "reject_underscores")) run.options.underscores = http::Underscores::kRejectRequest;
  if (setting(one.settings, "drop_underscores")) run.options.underscores = http::Underscores::kDropHeader;
  run.answer = !setting(one.settings, "no_answer");
  run.answer_early = setting(one.settings, "answer_early");
  run.trailers = setting(one.settings, "answer_trailers");
  run.pause = setting(one.settings, "pause");
  run.body = number(one.settings, "answer_body", 2);
  return recordServer(one.input, run, cuts, !setting(one.settings, "raw"));
}

std::vector<Case> casesOf(const std::string& file) {
  std::vector<Case> found;
  std::istringstream text(readFile(file));
  std::string line, title, settings, frames;
  int number = 0;
  std::string* block = nullptr;
  while (std::getline(text, line)) {
    ++number;
    if (block != nullptr && line == "```") {
      if (block == &frames) found.back().input = FrameWriter().bytes(frames);
      block = nullptr;
    } else if (block != nullptr) {
      *block += line + "\n";
    } else if (line.starts_with("#")) {
      title = line.substr(line.find(' ') + 1);
      settings.clear();
    } else if (line.starts_with("<!-- ")) {
      settings = line.substr(5, line.find(" -->") - 5);
    } else if (line == "```frames") {
      found.push_back({title, file, number, settings, {}, {}});
      frames.clear();
      block = &frames;
    } else if (line == "```events" && !found.empty()) {
      block = &found.back().expected;
    }
  }
  return found;
}

std::vector<Case> allCases() {
  std::vector<Case> all;
  for (const std::string& file : listFiles("test/conformance/h2")) {
    if (!file.ends_with(".md") || file.ends_with("README.md")) continue;
    for (Case& one : casesOf(file)) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace nuncio::test::h2
