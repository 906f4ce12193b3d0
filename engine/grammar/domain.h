// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Domains as they are compared: RFC 5890 and RFC 3492.

#ifndef POSTERN_ENGINE_GRAMMAR_DOMAIN_H_
#define POSTERN_ENGINE_GRAMMAR_DOMAIN_H_

#include <string>

#include "absl/strings/string_view.h"

namespace postern {

// Returns the form by which `domain` is compared with another one: in ASCII and
// in lower case, each label beyond ASCII as its A-label.
//
//   Example.ORG        example.org
//   bücher.example     xn--bcher-kva.example
//   .bücher.example    .xn--bcher-kva.example
//
// Two domains have one form only if they are the same name: Punycode (RFC 3492)
// maps no two labels to one. Nothing else is mapped: no normal form is made,
// and only ASCII letters are folded, since the tables for more change with each
// edition of Unicode. A label that is no U-label (RFC 5890 2.3.2.1: in normal
// form C, without capitals) gets an A-label that no domain has, and so equals
// nothing that is listed.
//
// What is not UTF-8, or has more than 255 octets, is no domain (RFC 5321
// 4.5.3.1.2): it is put in lower case alone.
std::string AsciiDomain(absl::string_view domain);

// Returns whether the two have one form.
bool EqualDomains(absl::string_view left, absl::string_view right);

// The same of an address as lists have it, where the domain follows the last
// '@': "@y.example", "u@y.example". ASCII letters of the local part are put in
// lower case. Text without '@' is taken for a domain.
std::string AsciiAddress(absl::string_view address);

}  // namespace postern

#endif  // POSTERN_ENGINE_GRAMMAR_DOMAIN_H_
