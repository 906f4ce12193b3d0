// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// Checks that refuse what lists of patched qmail name: greetings, recipients,
// and recipients that are not valid. They can only refuse. The list of senders,
// badmailfrom, is among the checks of relay_checks.h.

#ifndef POSTERN_POLICY_LIST_CHECKS_H_
#define POSTERN_POLICY_LIST_CHECKS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "files/cdb.h"
#include "policy/check.h"

namespace postern::policy {

// Refuses recipients of a client whose name in HELO or EHLO is in badhelo, also
// of relay clients and users; or in badhelonorelay, unless the client may
// relay. It is asked at RCPT, as in the patches: the client can authenticate
// before. The variable NOBADHELO turns it off for a client. Null if both files
// are missing or empty.
absl::StatusOr<std::unique_ptr<const Check>> MakeBadHelo(
    const CheckSetup& setup);

// Refuses recipients in badrcptto, also of relay clients and users. Null if the
// files are missing or empty.
absl::StatusOr<std::unique_ptr<const Check>> MakeBadRcptTo(
    const CheckSetup& setup);

// Refuses recipients that IsValidRecipient() does not find, unless the client
// may relay. The database is --validrcptto. The variable VALIDRCPTTO_CDB names
// another one for a client by its absolute path, which is opened for each
// recipient; if it is empty, the client's recipients are not checked.
absl::StatusOr<std::unique_ptr<const Check>> MakeValidRcptTo(
    const CheckSetup& setup);

// Returns whether `recipient` is valid, as jms1's validrcptto.cdb patch does. A
// key is an address in lower case; a domain in UTF-8 is looked up in its xn--
// form. The first of these keys that exists decides:
//
//   ann-lists-2@x.example          the address
//   ann-lists-default@x.example    each '-' of the local part, the last first
//   ann-default@x.example
//   @x.example                     the domain
//
// The recipient is valid unless the data of the key begins with '-'. If none
// exists, it is not valid. Without a domain, only the address is looked up.
// Errors are those of files::Cdb::Find().
absl::StatusOr<bool> IsValidRecipient(const files::Cdb& database,
                                      const Path& recipient);

}  // namespace postern::policy

#endif  // POSTERN_POLICY_LIST_CHECKS_H_
