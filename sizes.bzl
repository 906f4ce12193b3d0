# Copyright 2026 The postern authors.
# SPDX-License-Identifier: Apache-2.0

"""How code is compiled that runs a few times in a session, and not in a loop."""

# postern-smtpd must run under a small softlimit(8), as qmail-smtpd does, and all
# of a static program counts against that limit. -Os takes two fifths off such
# code; //tests/e2e:address_space_test measures the result.
FOR_SIZE = ["-Os"]
