// Copyright 2026 The postern authors.
// SPDX-License-Identifier: Apache-2.0

#include "auth/scram.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "auth/digest.h"
#include "auth/scram_keys.h"
#include "engine/grammar/base64.h"
#include "gtest/gtest.h"

namespace postern::auth {
namespace {

// RFC 7677 3.
constexpr char kFirst[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr char kOurNonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr char kServerFirst[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr char kFinal[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr char kServerFinal[] =
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

class Source : public ScramSource {
 public:
  Source() {
    std::string salt;
    EXPECT_TRUE(absl::Base64Unescape("W22ZaJ0SNY7soEsUEjb6gQ==", &salt));
    keys_ = DeriveScramKeys("pencil", salt, 4096);
  }

  std::optional<Found> FindScram(absl::string_view user) override {
    asked_ = std::string(user);
    if (down_) return std::nullopt;
    if (user == "user" || user == "a,b=c") {
      return Found{keys_, absl::StrCat("<", user, ">")};
    }
    return Found{keys_, ""};  // no identity, although the keys are right
  }

  ScramKeys keys_;
  bool down_ = false;
  std::string asked_;
};

// Returns a challenge, "granted IDENTITY", or a code.
std::string Show(const AuthAnswer& answer) {
  if (const auto* challenge = std::get_if<AuthChallenge>(&answer)) {
    return challenge->bytes;
  }
  if (const auto* granted = std::get_if<AuthGranted>(&answer)) {
    return absl::StrCat("granted ", granted->identity);
  }
  return absl::StrCat(std::get<Verdict>(answer).reply()->code);
}

class ScramTest : public testing::Test {
 protected:
  ScramTest() { Renew(); }

  void Renew() {
    exchange_ = MakeScramExchange(&source_, [] { return kOurNonce; });
  }
  std::string Start(std::optional<std::string> initial) {
    std::string answer;
    exchange_->Start(std::move(initial), [&](AuthAnswer made) {
      answer = Show(made);
      Note(made);
    });
    return answer;
  }
  std::string Respond(absl::string_view response) {
    std::string answer;
    exchange_->Respond(std::string(response), [&](AuthAnswer made) {
      answer = Show(made);
      Note(made);
    });
    return answer;
  }
  // Records what the client has learned.
  void Note(const AuthAnswer& answer) {
    const auto* challenge = std::get_if<AuthChallenge>(&answer);
    reveals_ = challenge == nullptr ? AuthChallenge::Reveals::kNothing
                                    : challenge->reveals;
  }
  // Returns the answer to `first` in a new exchange.
  std::string First(absl::string_view first) {
    Renew();
    return Start(std::string(first));
  }
  // Returns the answer to `last`, after the first message of the RFC.
  std::string Final(absl::string_view last) {
    EXPECT_EQ(First(kFirst), kServerFirst);
    return Respond(last);
  }
  // Returns a client's last message with a valid proof, for use after
  // First(`first`).
  std::string Proof(absl::string_view first, absl::string_view extensions) {
    const size_t bare = first.find(',', first.find(',') + 1) + 1;
    return ProofOf(
        first.substr(bare),
        absl::StrCat("c=", EncodeBase64(first.substr(0, bare)),
                     ",r=rOprNGfwEbeRWgbNEkqO", kOurNonce, extensions));
  }
  std::string ProofOf(absl::string_view bare, const std::string& without) {
    const std::string message =
        absl::StrCat(bare, ",", kServerFirst, ",", without);
    const std::string salted =
        Pbkdf2Sha256("pencil", source_.keys_.salt, source_.keys_.iterations);
    std::string proof = HmacSha256(salted, "Client Key");
    const std::string signature = HmacSha256(Sha256(proof), message);
    for (size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ signature[i]);
    }
    return absl::StrCat(without, ",p=", EncodeBase64(proof));
  }

  Source source_;
  std::unique_ptr<AuthExchange> exchange_;
  AuthChallenge::Reveals reveals_ = AuthChallenge::Reveals::kNothing;
};

TEST_F(ScramTest, TheExampleOfRfc7677Succeeds) {
  EXPECT_EQ(Start(kFirst), kServerFirst);
  EXPECT_EQ(exchange_->user(), "user");
  EXPECT_EQ(Respond(kFinal), kServerFinal);
  EXPECT_EQ(Respond(""), "granted <user>");
}

// The last challenge shows the client that its password is right.
TEST_F(ScramTest, ChallengesSayWhatTheyReveal) {
  EXPECT_EQ(Start(kFirst), kServerFirst);
  EXPECT_EQ(reveals_, AuthChallenge::Reveals::kNothing);
  EXPECT_EQ(Respond(kFinal), kServerFinal);
  EXPECT_EQ(reveals_, AuthChallenge::Reveals::kRight);
}

TEST_F(ScramTest, AClientMayWaitForAnEmptyChallenge) {
  EXPECT_EQ(exchange_->user(), "");
  EXPECT_EQ(Start(std::nullopt), "");
  EXPECT_EQ(Respond(kFirst), kServerFirst);
  EXPECT_EQ(Respond(kFinal), kServerFinal);
  EXPECT_EQ(Respond(""), "granted <user>");
}

TEST_F(ScramTest, AcceptsAllValidForms) {
  const absl::string_view firsts[] = {
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "y,,n=user,r=rOprNGfwEbeRWgbNEkqO",          // c=eSws
      "n,a=user,n=user,r=rOprNGfwEbeRWgbNEkqO",    // authzid: the user
      "n,,n=user,r=rOprNGfwEbeRWgbNEkqO,x=1,y==",  // extensions
      "n,,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO",
      "n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO",
  };
  for (const absl::string_view first : firsts) {
    for (const absl::string_view extensions : {"", ",x=1", ",x=1,p=y,y=="}) {
      EXPECT_EQ(First(first), kServerFirst) << first;
      EXPECT_EQ(Respond(Proof(first, extensions)).substr(0, 2), "v=") << first;
      EXPECT_EQ(Respond(""), absl::StrCat("granted <", source_.asked_, ">"));
    }
  }
}

TEST_F(ScramTest, AnInvalidFirstMessageIsMalformed) {
  const absl::string_view cases[] = {
      "",
      "n",
      "n,",
      "n,,",
      ",,n=user,r=x",
      "N,,n=user,r=x",
      "nn,,n=user,r=x",
      "p=tls-unique,,n=user,r=x",  // channel binding, which was not offered
      "n,n=user,r=x",
      "n,,r=x,n=user",
      "n,,n=user",
      "n,,n=user,r=",
      "n,,n=,r=x",
      "n,,n=user,r=x y",
      "n,,n=user,r=\xC3\xBC",
      "n,,n=user,r=x,",
      "n,,n=user,r=x,,",
      "n,,n=user,r=x,y",
      "n,,n=user,r=x,y=",
      "n,,n=user,r=x,1=2",
      "n,,n=user,r=x,m=1",  // reserved
      "n,,m=1,n=user,r=x",  // reserved
      "n,,x=1,n=user,r=x",  // must not come first
      "n,,n=us=er,r=x",
      "n,,n=user=,r=x",
      "n,,n=user=2c,r=x",  // upper case
      "n,,n=user\xFF,r=x",
      absl::string_view("n,,n=u\0r,r=x", 12),
      absl::string_view("n,,n=u,r=x,y=\0", 14),
      "n,user,n=user,r=x",
      "n,a=,n=user,r=x",
      "n,a=us=er,n=user,r=x",
      "n,,n=user,r=x,y=1,",
  };
  for (const absl::string_view first : cases) {
    EXPECT_EQ(First(first), "501") << absl::CHexEscape(first);
    EXPECT_EQ(Respond(kFirst), "501");
  }
}

TEST_F(ScramTest, NoUserMayActAsAnother) {
  EXPECT_EQ(First("n,a=root,n=user,r=x"), "535");
  EXPECT_EQ(First("n,a=User,n=user,r=x"), "535");
}

TEST_F(ScramTest, AnInvalidFinalMessageIsMalformed) {
  const std::string good = kFinal;
  const std::string nonce = good.substr(7, good.find(",p=") - 7);
  const std::string proof = good.substr(good.find(",p="));
  const std::string cases[] = {
      "",
      "c=biws",
      "c=biws," + nonce,
      nonce + ",c=biws" + proof,
      "c=biws" + proof,
      "c=biws," + nonce + proof + ",x=1",
      "c=biws," + nonce + "," + proof,
      "c=biws," + nonce + ",x" + proof,
      "c=biws," + nonce + ",m=1" + proof,
      "c=biw," + nonce + proof,
      "c=biws," + nonce + proof + "=",
      "c=biws," + nonce + proof.substr(0, proof.size() - 1),
      "c=biws," + nonce + ",P=" + proof.substr(3),
      "c=biws,x=1," + nonce + proof,
  };
  for (const std::string& last : cases) {
    EXPECT_EQ(Final(last), "501") << last;
    EXPECT_EQ(Respond(kFinal), "501") << last;
  }
}

TEST_F(ScramTest, AWrongProofIsRefused) {
  const std::string good = kFinal;
  const std::pair<std::string, std::string> changes[] = {
      {"p=dH", "p=eH"},
      {"ndVQ=", "ndVU="},
      {"c=biws", "c=eSws"},  // the other GS2 header
      {"c=biws", "c="},
      {"c=biws", "c=biwsYWJj"},
      {"hNlF$k0", "hNlF$k1"},
      {"r=rO", "r=RO"},
      {"$k0,", ","},
      {"$k0,", "$k00,"},
      {"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "p="},
      {"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "p=dHzb"},
      {",p=", ",x=1,p="},
  };
  for (const auto& change : changes) {
    const std::string last = absl::StrReplaceAll(good, {change});
    ASSERT_NE(last, good);
    EXPECT_EQ(Final(last), "535") << last;
    EXPECT_EQ(Respond(""), "501") << last;
  }
}

TEST_F(ScramTest, AProofOfAnotherExchangeIsRefused) {
  const std::string bare = std::string(kFirst).substr(3);
  const std::string nonce = absl::StrCat("rOprNGfwEbeRWgbNEkqO", kOurNonce);
  const std::string good = absl::StrCat("c=biws,r=", nonce);
  EXPECT_EQ(Final(ProofOf(bare, good)), kServerFinal);
  for (const std::string& without :
       {absl::StrCat("c=eSws,r=", nonce),  // as if the client had sent "y"
        absl::StrCat("c=cD14LCw=,r=",
                     nonce),  // as if the client had used "p=x"
        absl::StrCat("c=,r=", nonce), absl::StrCat("c=biws,r=", nonce, "0"),
        absl::StrCat("c=biws,r=x", nonce),
        std::string("c=biws,r=rOprNGfwEbeRWgbNEkqO"),
        absl::StrCat("c=biws,r=", kOurNonce)}) {
    EXPECT_EQ(Final(ProofOf(bare, without)), "535") << without;
  }
}

TEST_F(ScramTest, AnUnknownUserIsRefusedAtTheEnd) {
  const std::string first = "n,,n=nobody,r=rOprNGfwEbeRWgbNEkqO";
  EXPECT_EQ(First(first), kServerFirst);
  EXPECT_EQ(Respond(Proof(first, "")), "535");
}

TEST_F(ScramTest, AnOutageOfTheSourceIsTemporary) {
  source_.down_ = true;
  EXPECT_EQ(First(kFirst), "454");
}

TEST_F(ScramTest, AfterTheSignatureTheResponseMustBeEmpty) {
  EXPECT_EQ(Final(kFinal), kServerFinal);
  EXPECT_EQ(Respond("x"), "501");
  EXPECT_EQ(Respond(""), "501");
}

TEST_F(ScramTest, EachExchangeHasItsOwnNonce) {
  std::string nonces[2];
  for (std::string& nonce : nonces) {
    exchange_ = MakeScramExchange(&source_);
    const std::string answer = Start(kFirst);
    const size_t begin = std::string("r=rOprNGfwEbeRWgbNEkqO").size();
    nonce = answer.substr(begin, answer.find(",s=") - begin);
    EXPECT_EQ(nonce.size(), 24u);
    EXPECT_EQ(nonce.find(','), nonce.npos);
  }
  EXPECT_NE(nonces[0], nonces[1]);
}

}  // namespace
}  // namespace postern::auth
