// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_AUTH_SASL_CALLBACK_H_
#define POSTERN_AUTH_SASL_CALLBACK_H_

namespace postern::auth {

// Returns `function` in the type that sasl_callback_t has. The library casts it
// back according to the callback's id. The cast uses void (*)() in between,
// which compilers accept for any function type without a warning.
template <typename Result, typename... Arguments>
int (*SaslCallback(Result (*function)(Arguments...)))() {
  return reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function));
}

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_CALLBACK_H_
