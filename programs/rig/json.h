// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

// The JSON that all interfaces of postern rig have in common.

#ifndef POSTERN_PROGRAMS_RIG_JSON_H_
#define POSTERN_PROGRAMS_RIG_JSON_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "programs/rig/http.h"
#include "programs/rig/inbox.h"
#include "rig/fault_table.h"
#include "rig/message.h"
#include "rig/mime.h"

namespace postern::programs {

// What a response has: members are in the order in which they are added. To
// find or add a member takes time for each member, so an object whose names a
// client chooses is not made in this way.
using Json = nlohmann::ordered_json;
// What a request has.
using RequestJson = nlohmann::json;

// Returns the member, or nullptr if it is missing or `object` is no object. It
// copies nothing: to copy a value takes stack for each of its levels.
const RequestJson* Member(const RequestJson& object, const char* name);

// Octets that are no UTF-8 become U+FFFD.
std::string ToText(const Json& json);
HttpResponse JsonResponse(const Json& json, int status = 200);

// "2026-11-30T12:30:00.123Z".
std::string FormatJsonTime(absl::Time time);

// Mailpit's {"Name": ..., "Address": ...}, and a list of them.
Json AddressJson(const rig::MimeAddress& address);
Json AddressesJson(const std::vector<rig::MimeAddress>& addresses);
// Mailpit's MessageSummary, an item of a list, as text. Its constant part is
// the description of the message, which DescribeMessage() makes.
std::string SummaryText(const InboxMessage& message);
std::string DescribeMessage(const InboxMessage& message);
// Returns the texts as an array.
std::string SummariesText(const std::vector<InboxMessage>& messages);
// Returns `object` as text, with one more member, whose value is `text`.
std::string WithMember(const Json& object, absl::string_view name,
                       absl::string_view text);
// Mailpit's Message.
Json MessageJson(const InboxMessage& message, const rig::Mime& mime);
// The header fields of a message: each name with the list of its values.
Json FieldsJson(const rig::Mime& mime);

// A fault: {"id", "line", "on", "applied", "times", "unmet"}.
Json FaultJson(const rig::FaultState& state);
Json FaultsJson(const std::vector<rig::FaultState>& states);

// The facts of a session, without its transcript.
Json SessionJson(const rig::SessionFacts& facts);
// The lines of a transcript: {"ms", "from", "text"}. "from" is "client",
// "server" or "event". The text is without its CRLF; other octets that are not
// printable, and another end of the line, are escaped as in C.
Json TranscriptJson(const std::vector<rig::TranscriptEntry>& entries);
// The envelope with its parameters, and the facts of the session.
Json EnvelopeJson(const rig::Message& message);

}  // namespace postern::programs

#endif  // POSTERN_PROGRAMS_RIG_JSON_H_
