// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#ifndef POSTERN_AUTH_SASL_CALLBACK_H_
#define POSTERN_AUTH_SASL_CALLBACK_H_

namespace postern::auth {

// Returns `function` as a sasl_callback_t holds it: the library casts it back,
// by the callback's id. By way of void (*)(), which compilers let pass for any.
template <typename Result, typename... Arguments>
int (*SaslCallback(Result (*function)(Arguments...)))() {
  return reinterpret_cast<int (*)()>(reinterpret_cast<void (*)()>(function));
}

}  // namespace postern::auth

#endif  // POSTERN_AUTH_SASL_CALLBACK_H_
