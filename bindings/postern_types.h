/* Copyright 2026 The postern authors.
   SPDX-License-Identifier: Apache-2.0 */

/* The types that postern.h and postern_rig.h have in common. C11 and C++. */

#ifndef POSTERN_TYPES_H_
#define POSTERN_TYPES_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Octets that belong to another object: the function that returns them says how
   long they are valid. */
typedef struct postern_bytes {
  /* Not NULL if the library returns it. Text then has a NUL after its last
     octet, which `size` does not count. */
  const char* data;
  size_t size; /* in octets */
} postern_bytes;

/* Enums have the range of int in C++, too: a later version of the library, or
   of a program, may use a value that this header does not have. */
#ifdef __cplusplus
#define POSTERN_INT : int
#else
#define POSTERN_INT
#endif

/* The result of a function that can fail. Later versions may add values. */
typedef enum postern_status POSTERN_INT {
  POSTERN_OK = 0,
  /* An argument or an option cannot be used. The same call fails again. */
  POSTERN_INVALID_ARGUMENT,
  /* The object is in a state that does not permit the call. */
  POSTERN_FAILED_PRECONDITION,
  POSTERN_NOT_FOUND,
  /* The system lacks something: memory, descriptors, threads, an address that
     is not in use, the permission to use it. */
  POSTERN_UNAVAILABLE,
  /* An error that none of the others describes. */
  POSTERN_INTERNAL
} postern_status;

/* Why a function failed. A function that takes a postern_error takes NULL, too.
   It writes the message only if it fails. */
typedef struct postern_error {
  char message[256]; /* UTF-8 with a NUL at its end, cut if it is too long */
} postern_error;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* POSTERN_TYPES_H_ */
