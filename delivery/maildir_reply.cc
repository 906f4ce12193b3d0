// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "delivery/maildir_reply.h"

#include <errno.h>

namespace postern::delivery {

Reply NoMailboxReply() {
  return {550, {5, 1, 1}, "sorry, no mailbox here by that name (#5.1.1)"};
}

Reply CannotOpenReply() {
  return {451, {4, 3, 0}, "unable to open the mailbox (#4.3.0)"};
}

Reply CannotExpandReply() {
  return {451, {4, 3, 5}, "unable to find the mailboxes (#4.3.5)"};
}

Reply TooManyMailboxesReply() {
  return {452, {4, 5, 3}, "too many mailboxes, try again later (#4.5.3)"};
}

Reply CannotStoreReply(int error) {
  if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG) {
    return {452, {4, 3, 1}, "disk full or over quota (#4.3.1)"};
  }
  return {451, {4, 3, 0}, "unable to write the message safely (#4.3.0)"};
}

Reply TooMuchReply() {
  return {452,
          {4, 3, 1},
          "too large for so many recipients, send it to fewer (#4.3.1)"};
}

}  // namespace postern::delivery
