#include "tls/sans.h"

#include <arpa/inet.h>

#include "base/ascii.h"

namespace nuncio::tls {
namespace {

using San = net::TlsInfo::San;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeBy<GENERAL_NAMES_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;

std::string textOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)), static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string ipText(const ASN1_OCTET_STRING* ip) {
  char text[INET6_ADDRSTRLEN];
  const int size = ASN1_STRING_length(ip);
  if (size != 4 && size != 16) return {};
  return inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof(text)) == nullptr ? "" : text;
}

std::string otherNameText(const OTHERNAME* name, std::string_view oid) {
  char type[80];
  if (!oid.empty() && (OBJ_obj2txt(type, sizeof(type), name->type_id, 1) <= 0 || oid != type)) return {};
  const ASN1_TYPE* value = name->value;
  if (value == nullptr) return {};
  switch (ASN1_TYPE_get(value)) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_OCTET_STRING:
    case V_ASN1_T61STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_UTCTIME:
    case V_ASN1_GENERALIZEDTIME:
      return textOf(value->value.asn1_string);
    case V_ASN1_BOOLEAN:
      return value->value.boolean != 0 ? "true" : "false";
    default:
      return {};
  }
}

San kindOf(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_URI:
      return San::kUri;
    case GEN_DNS:
      return San::kDns;
    case GEN_IPADD:
      return San::kIp;
    case GEN_EMAIL:
      return San::kEmail;
    case GEN_OTHERNAME:
      return San::kOtherName;
    default:
      return San::kCount;
  }
}

std::string textOf(const GENERAL_NAME* name, std::string_view oid) {
  switch (name->type) {
    case GEN_URI:
    case GEN_DNS:
    case GEN_EMAIL:
      return textOf(name->d.ia5);
    case GEN_IPADD:
      return ipText(name->d.iPAddress);
    case GEN_OTHERNAME:
      return otherNameText(name->d.otherName, oid);
    default:
      return {};
  }
}

template <class Each>
void forEachSan(X509* certificate, const Each& each) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) each(sk_GENERAL_NAME_value(names.get(), i));
}

}  // namespace

std::vector<std::string> sansOf(X509* certificate, San kind, std::string_view oid) {
  std::vector<std::string> out;
  forEachSan(certificate, [&](const GENERAL_NAME* name) {
    if (kindOf(name) != kind) return;
    if (std::string text = textOf(name, oid); !text.empty()) out.push_back(std::move(text));
  });
  return out;
}

std::vector<std::string> allSans(X509* certificate) {
  std::vector<std::string> out;
  forEachSan(certificate, [&](const GENERAL_NAME* name) {
    if (std::string text = textOf(name, {}); !text.empty()) out.push_back(std::move(text));
  });
  return out;
}

bool dnsNameMatches(std::string_view name, std::string_view pattern) {
  if (base::equalsIgnoreCase(name, pattern)) return true;
  if (pattern.size() < 3 || !pattern.starts_with("*.")) return false;
  const std::string_view suffix = pattern.substr(1);
  if (name.size() <= suffix.size()) return false;
  const size_t label = name.size() - suffix.size();
  return name.substr(0, label).find('.') == std::string_view::npos && base::equalsIgnoreCase(name.substr(label), suffix);
}

bool hasAnySan(X509* certificate, const std::vector<std::string_view>& names) {
  bool found = false;
  forEachSan(certificate, [&](const GENERAL_NAME* name) {
    if (found) return;
    const std::string text = textOf(name, {});
    if (text.empty()) return;
    for (const std::string_view wanted : names) {
      if (name->type == GEN_DNS ? dnsNameMatches(wanted, text) : text == wanted) found = true;
    }
  });
  return found;
}

std::string nameText(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), const_cast<X509_NAME*>(name), 0, XN_FLAG_RFC2253) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size <= 0 ? std::string() : std::string(text, static_cast<size_t>(size));
}

std::string serialText(X509* certificate) {
  const BignumPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return {};
  char* text = BN_bn2hex(number.get());
  std::string out = text == nullptr ? "" : text;
  OPENSSL_free(text);
  for (char& c : out) c = base::toLower(c);
  return out;
}

int64_t secondsOf(const ASN1_TIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

}  // namespace nuncio::tls
