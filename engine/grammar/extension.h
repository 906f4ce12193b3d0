// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The ESMTP extensions that a server offers only if its delivery supports them
// or the configuration says so. PIPELINING, SIZE, 8BITMIME and
// ENHANCEDSTATUSCODES are not among them: the engine always offers those.

#ifndef POSTERN_ENGINE_GRAMMAR_EXTENSION_H_
#define POSTERN_ENGINE_GRAMMAR_EXTENSION_H_

#include <cstdint>
#include <initializer_list>

#include "absl/strings/string_view.h"

namespace postern {

// Each extension is a promise about every message that is accepted with it. To
// offer it, a delivery must:
enum class Extension : uint8_t {
  kChunking,       // take content that is not lines of text, RFC 3030 2
  kBinaryMime,     // pass on any octets unchanged, or convert them; needs
                   // kChunking: RFC 3030 3
  kSmtpUtf8,       // carry UTF-8 addresses and header fields and know that the
                   // message needs SMTPUTF8 at the next hop, RFC 6531 3.1
  kDsn,            // carry RET, ENVID, NOTIFY, ORCPT and follow them when it
                   // delivers or gives up: RFC 3461 5; with kSmtpUtf8, also
                   // RFC 6533
  kRequireTls,     // keep the tag, and relay only over verified TLS,
                   // RFC 8689 4; offered only under TLS
  kMtPriority,     // carry the priority, RFC 6710 4
  kDeliverBy,      // watch the time, and carry what is left of it,
                   // RFC 2852 4
  kFutureRelease,  // hold messages, RFC 4865 4; for submission only
  kRrvs,           // know since when a mailbox has its owner, or pass the
                   // question on, RFC 7293
};

// An extension and its EHLO keyword.
struct ExtensionRow {
  Extension extension;        // a value of the enum
  absl::string_view keyword;  // upper case, static
};

// All extensions, in the order of the enum. FUTURERELEASE has two arguments in
// EHLO (RFC 4865 3), which the caller adds. RRVS, DELIVERBY and MT-PRIORITY
// need none.
inline constexpr ExtensionRow kExtensionTable[] = {
    {Extension::kChunking, "CHUNKING"},
    {Extension::kBinaryMime, "BINARYMIME"},
    {Extension::kSmtpUtf8, "SMTPUTF8"},
    {Extension::kDsn, "DSN"},
    {Extension::kRequireTls, "REQUIRETLS"},
    {Extension::kMtPriority, "MT-PRIORITY"},
    {Extension::kDeliverBy, "DELIVERBY"},
    {Extension::kFutureRelease, "FUTURERELEASE"},
    {Extension::kRrvs, "RRVS"},
};

// A set of extensions. Cheap to copy.
class ExtensionSet {
 public:
  constexpr ExtensionSet() = default;
  // The set of `extensions`.
  constexpr ExtensionSet(std::initializer_list<Extension> extensions) {
    for (Extension extension : extensions) bits_ |= Bit(extension);
  }

  // Returns the set of all extensions.
  static constexpr ExtensionSet All() {
    ExtensionSet all;
    for (const ExtensionRow& row : kExtensionTable) {
      all.bits_ |= Bit(row.extension);
    }
    return all;
  }

  // Returns whether `extension` is in the set.
  constexpr bool Has(Extension extension) const {
    return (bits_ & Bit(extension)) != 0;
  }
  // Returns whether no extension is in the set.
  constexpr bool empty() const { return bits_ == 0; }

  // The extensions in both, for a delivery that passes messages to others.
  friend constexpr ExtensionSet operator&(ExtensionSet a, ExtensionSet b) {
    return ExtensionSet(a.bits_ & b.bits_);
  }
  // The extensions in either.
  friend constexpr ExtensionSet operator|(ExtensionSet a, ExtensionSet b) {
    return ExtensionSet(a.bits_ | b.bits_);
  }
  // The extensions in `a` that are not in `b`.
  friend constexpr ExtensionSet operator-(ExtensionSet a, ExtensionSet b) {
    return ExtensionSet(a.bits_ & ~b.bits_);
  }
  friend constexpr bool operator==(ExtensionSet, ExtensionSet) = default;

 private:
  explicit constexpr ExtensionSet(unsigned bits) : bits_(bits) {}
  static constexpr unsigned Bit(Extension extension) {
    return 1u << static_cast<unsigned>(extension);
  }

  unsigned bits_ = 0;
};

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_EXTENSION_H_
