// A capvote client in C++: it votes, prints results, watches them, and counts a file's lines.
//
//     client LINK vote CANDIDATE VOTER-NUMBER [NONCE]
//     client LINK rank "NAME > NAME" VOTER-NUMBER [NONCE]
//     client LINK results
//     client LINK watch
//     client LINK count-lines FILE
//
// It exits with 0, with 3 if a vote was refused, and with 1 if something failed. Of the links that
// docs/clients.md describes it takes the unencrypted ones, ws:// too, and it opens no token.

#include <capnp/compat/websocket-rpc.h>
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <kj/compat/url.h>
#include <kj/debug.h>
#include <kj/encoding.h>
#include <kj/filesystem.h>
#include <unistd.h>

#include <cstdio>

#include "election.capnp.h"
#include "lines.capnp.h"

namespace {

constexpr unsigned DEFAULT_PORT = 12358;
constexpr unsigned WEB_PORT = 80;
constexpr size_t NONCE_BYTES = 16;
// The longest answer to one `read`, even if the server asks for more.
constexpr uint32_t READ_BYTES_MAX = 256 * 1024;
constexpr int REFUSED = 3;

// A parsed link: the server's address and the election, empty for the only one there is.
struct Link {
  explicit Link(kj::StringPtr text) {
    // Error messages do not quote the link: it may hold a secret. Unknown parts are errors.
    auto url = KJ_REQUIRE_NONNULL(kj::Url::tryParse(text), "not a link");
    bool hasUser = url.userInfo != nullptr, hasQuery = url.query.size() > 0;
    bool hasHost = url.host.size() > 0;
    isWebSocket = url.scheme == "ws";
    if (url.scheme == "capvote" || isWebSocket) {
      bool isElection = url.path.size() == 1 && !url.hasTrailingSlash;
      KJ_REQUIRE(hasHost && !hasUser, "a link names a host, and no user");
      KJ_REQUIRE(!hasQuery, "the link has an unknown query parameter");
      KJ_REQUIRE(isElection || url.path.size() == 0, "the election in the link is not a valid id");
      address = kj::mv(url.host);
      if (isElection) election = kj::mv(url.path[0]);
    } else if (url.scheme == "capvote+unix") {
      KJ_REQUIRE(!hasHost && !hasUser, "the path of a socket follows three slashes");
      address = kj::str("unix:/", kj::strArray(url.path, "/"));
      for (auto& part: url.query) {
        bool isElection = part.name == "election" && part.value.size() > 0 && election.size() == 0;
        KJ_REQUIRE(isElection, "the link has an unknown or repeated query parameter");
        election = kj::mv(part.value);
      }
    } else {
      KJ_FAIL_REQUIRE("a link for this example begins with capvote://, ws:// or capvote+unix:///");
    }
  }

  kj::String address;
  kj::String election;
  bool isWebSocket;
};

// Random bytes for the handshake and the masks of a WebSocket.
class SystemEntropy final: public kj::EntropySource {
 public:
  void generate(kj::ArrayPtr<kj::byte> bytes) override {
    KJ_SYSCALL(getentropy(bytes.begin(), bytes.size()));
  }
};

// The messages of a connection: of a stream as they are, or each as one message of a WebSocket.
class Messaging {
 public:
  Messaging(const Link& link, kj::AsyncIoContext& io) {
    auto& network = io.provider->getNetwork();
    unsigned port = link.isWebSocket ? WEB_PORT : DEFAULT_PORT;
    auto address = network.parseAddress(link.address, port).wait(io.waitScope);
    stream = address->connect().wait(io.waitScope);
    if (!link.isWebSocket) {
      messages = kj::heap<capnp::AsyncIoMessageStream>(*stream);
      return;
    }
    kj::HttpClientSettings settings;
    settings.entropySource = entropy;
    client = kj::newHttpClient(headers, *stream, settings);
    kj::HttpHeaders asked(headers);
    asked.set(kj::HttpHeaderId::HOST, kj::str(link.address));
    auto answer = client->openWebSocket("/rpc", asked).wait(io.waitScope);
    bool isWebSocket = answer.webSocketOrBody.is<kj::Own<kj::WebSocket>>();
    KJ_REQUIRE(isWebSocket, "there is no WebSocket", answer.statusCode);
    socket = kj::mv(answer.webSocketOrBody.get<kj::Own<kj::WebSocket>>());
    messages = kj::heap<capnp::WebSocketMessageStream>(*socket);
  }

  capnp::MessageStream& operator*() { return *messages; }

 private:
  SystemEntropy entropy;
  kj::HttpHeaderTable headers;
  kj::Own<kj::AsyncIoStream> stream;
  kj::Own<kj::HttpClient> client;
  kj::Own<kj::WebSocket> socket;
  kj::Own<capnp::MessageStream> messages;
};

// Prints the server's message to a voter. The server calls this before it answers the vote.
class Messages final: public MessageSink::Server {
 protected:
  kj::Promise<void> message(MessageContext context) override {
    puts(context.getParams().getText().cStr());
    return kj::READY_NOW;
  }
};

void show(Results::Reader results) {
  auto candidates = KJ_MAP(it, results.getCandidates()) {
    return kj::str(it.getCandidate(), " ", it.getVotes());
  };
  auto turnout = results.getTurnout();
  auto text = kj::str(results.getStatus(), ": ", kj::strArray(candidates, ", "), "; ",
                      turnout.getBallots(), " of ", turnout.getVoters(), " have voted");
  puts(text.cStr());
  fflush(stdout);
}

// Shows results. The server sends the next ones after `changed` has returned.
class Observer final: public ResultObserver::Server {
 public:
  explicit Observer(kj::PromiseFulfiller<void>& closed): closed(closed) {}

 protected:
  kj::Promise<void> changed(ChangedContext context) override {
    show(context.getParams().getResults());
    return kj::READY_NOW;
  }

  kj::Promise<void> done(DoneContext) override {
    closed.fulfill();
    return kj::READY_NOW;
  }

 private:
  kj::PromiseFulfiller<void>& closed;
};

// A local file, which the server reads piece by piece.
class LocalFile final: public RemoteFile::Server {
 public:
  explicit LocalFile(kj::Own<const kj::ReadableFile> file): file(kj::mv(file)) {}

 protected:
  kj::Promise<void> read(ReadContext context) override {
    auto params = context.getParams();
    auto piece = kj::heapArray<kj::byte>(kj::min(params.getLength(), READ_BYTES_MAX));
    auto length = file->read(params.getOffset(), piece);
    context.getResults().setData(piece.slice(0, length));
    return kj::READY_NOW;
  }

 private:
  kj::Own<const kj::ReadableFile> file;
};

// Calls a function with each line.
class Lines final: public LineSink::Server {
 public:
  explicit Lines(kj::Function<void(kj::ArrayPtr<const kj::byte>)> onLine)
      : onLine(kj::mv(onLine)) {}

 protected:
  kj::Promise<void> lines(LinesContext context) override {
    for (auto line: context.getParams().getLines()) onLine(line);
    return kj::READY_NOW;
  }

  kj::Promise<void> done(DoneContext) override { return kj::READY_NOW; }

 private:
  kj::Function<void(kj::ArrayPtr<const kj::byte>)> onLine;
};

uint64_t voterNumber(kj::StringPtr text) {
  kj::Vector<char> digits;
  for (char c: text) {
    if (c != '-' && c != ' ') digits.add(c);
  }
  // `parseAs` would read a leading 0 as octal. The error does not quote the text, which may be a
  // mistyped voter number.
  bool isNumber = digits.size() > 0 && digits.size() <= 20;
  uint64_t number = 0;
  for (char c: digits) {
    uint64_t digit = c - '0';
    isNumber = isNumber && digit <= 9 && number <= (UINT64_MAX - digit) / 10;
    number = number * 10 + digit;
  }
  KJ_REQUIRE(isNumber, "a voter number is 1 to 20 digits, at most 18446744073709551615");
  return number;
}

kj::Array<kj::byte> nonceFrom(kj::StringPtr text) {
  auto nonce = kj::decodeHex(text);
  bool isHex = !nonce.hadErrors;
  KJ_REQUIRE(isHex, "a nonce is written in hexadecimal digits");
  return kj::mv(nonce);
}

kj::Array<kj::byte> newNonce() {
  auto nonce = kj::heapArray<kj::byte>(NONCE_BYTES);
  KJ_SYSCALL(getentropy(nonce.begin(), nonce.size()));
  return nonce;
}

// Prints an outcome.
int told(VoteOutcome::Reader outcome) {
  // A refusal is a value. An exception leaves open whether the vote was recorded.
  switch (outcome.which()) {
    case VoteOutcome::RECORDED:
      puts(kj::str("recorded ", outcome.getRecorded().getCommitment()).cStr());
      return 0;
    case VoteOutcome::ALREADY_VOTED: puts("alreadyVoted"); break;
    case VoteOutcome::UNKNOWN_VOTER_NUMBER: puts("unknownVoterNumber"); break;
    case VoteOutcome::UNKNOWN_CANDIDATE: puts("unknownCandidate"); break;
    case VoteOutcome::INVALID_BALLOT: puts("invalidBallot"); break;
    case VoteOutcome::NOT_OPEN: puts("notOpen"); break;
    case VoteOutcome::CLOSED: puts("closed"); break;
    case VoteOutcome::THROTTLED:
      puts(kj::str("throttled: vote again in ", outcome.getThrottled(),
                   " ms, over a new connection").cStr());
      break;
    // An outcome of a newer server.
    default: puts("refused"); break;
  }
  return REFUSED;
}

int vote(Election::Client election, kj::StringPtr candidate, uint64_t number,
         kj::ArrayPtr<const kj::byte> nonce, kj::WaitScope& waitScope) {
  // Printed before the vote is sent: if no answer comes, a retry with the same nonce counts once.
  puts(kj::str("nonce ", kj::encodeHex(nonce)).cStr());
  fflush(stdout);
  auto call = election.voteRequest();
  call.setCandidate(candidate);
  // With this, the size of an encrypted vote does not tell the choice. It is zero already.
  call.initPadding(8 * (32 - kj::min(32u, candidate.size() / 8)));
  call.setVoterNumber(number);
  call.setMessages(kj::heap<Messages>());
  call.setNonce(nonce);
  auto answer = call.send().wait(waitScope);
  return told(answer.getOutcome());
}

// The parts of a text between '>', without the blanks around them.
kj::Vector<kj::String> ranked(kj::StringPtr text) {
  kj::Vector<kj::String> names;
  kj::Vector<char> name;
  auto finish = [&]() {
    while (name.size() > 0 && name.back() == ' ') name.removeLast();
    names.add(kj::heapString(name.begin(), name.size()));
    name.clear();
  };
  for (char c: text) {
    if (c == '>') {
      finish();
    } else if (c != ' ' || name.size() > 0) {
      name.add(c);
    }
  }
  finish();
  return names;
}

// Casts a ranked ballot: the first name has rank 1.
int rank(Election::Client election, kj::StringPtr text, uint64_t number,
         kj::ArrayPtr<const kj::byte> nonce, kj::WaitScope& waitScope) {
  auto answer = election.infoRequest().send().wait(waitScope);
  auto slate = answer.getInfo().getCandidates();
  auto call = election.castRequest();
  // One number for each name of the slate; 0 is no mark. Only a blank ballot, which has no marks,
  // needs padding.
  auto marks = call.initMarks(slate.size());
  uint16_t mark = 0;
  for (auto& name: ranked(text)) {
    bool isCandidate = false;
    for (auto place: kj::indices(slate)) {
      if (slate[place] == name) {
        isCandidate = true;
        marks.set(place, ++mark);
      }
    }
    KJ_REQUIRE(isCandidate, "there is no candidate", name);
  }
  puts(kj::str("nonce ", kj::encodeHex(nonce)).cStr());
  fflush(stdout);
  call.setVoterNumber(number);
  call.setMessages(kj::heap<Messages>());
  call.setNonce(nonce);
  auto cast = call.send().wait(waitScope);
  return told(cast.getOutcome());
}

void watch(Election::Client election, kj::Promise<void> lost, kj::WaitScope& waitScope) {
  auto closed = kj::newPromiseAndFulfiller<void>();
  auto call = election.watchRequest();
  call.setObserver(kj::heap<Observer>(*closed.fulfiller));
  // Dropping this ends the watch.
  auto subscription = call.send().wait(waitScope).getSubscription();
  lost = lost.then([] { KJ_FAIL_REQUIRE("the connection was lost"); });
  lost.exclusiveJoin(kj::mv(closed.promise)).wait(waitScope);
  puts("closed");
}

void countLines(LineCounter::Client counter, kj::StringPtr path, kj::WaitScope& waitScope) {
  auto disk = kj::newDiskFilesystem();
  auto call = counter.countLinesRequest();
  auto file = disk->getRoot().openFile(disk->getCurrentPath().evalNative(path));
  call.setFile(kj::heap<LocalFile>(kj::mv(file)));
  call.setLines(kj::heap<Lines>([](kj::ArrayPtr<const kj::byte> line) {
    fwrite(line.begin(), 1, line.size(), stdout);
    if (line.back() != '\n') putchar('\n');
  }));
  auto count = call.send().wait(waitScope).getCount();
  puts(kj::str(count).cStr());
}

int usage() {
  fputs("usage: client LINK (vote CANDIDATE VOTER-NUMBER [NONCE] | "
        "rank NAMES VOTER-NUMBER [NONCE] | results | watch | count-lines FILE)\n", stderr);
  return 1;
}

int run(kj::ArrayPtr<const kj::StringPtr> arguments) {
  if (arguments.size() < 2) return usage();
  Link link(arguments[0]);
  auto command = arguments[1];
  auto rest = arguments.slice(2, arguments.size());

  auto io = kj::setupAsyncIo();
  Messaging messages(link, io);
  capnp::TwoPartyVatNetwork connection(*messages, capnp::rpc::twoparty::Side::CLIENT);
  auto system = capnp::makeRpcClient(connection);
  capnp::word scratch[4] = {};
  capnp::MallocMessageBuilder builder(scratch);
  auto server = builder.getRoot<capnp::rpc::twoparty::VatId>();
  server.setSide(capnp::rpc::twoparty::Side::SERVER);
  auto directory = system.bootstrap(server).castAs<Directory>();

  // Calls on a pending answer are pipelined: no extra round trip.
  if (command == "count-lines" && rest.size() == 1) {
    countLines(directory.lineCounterRequest().send().getCounter(), rest[0], io.waitScope);
    return 0;
  }
  auto ask = directory.electionRequest();
  ask.setId(link.election);
  auto election = ask.send().getElection();
  if (command == "vote" && (rest.size() == 2 || rest.size() == 3)) {
    auto nonce = rest.size() == 3 ? nonceFrom(rest[2]) : newNonce();
    return vote(election, rest[0], voterNumber(rest[1]), nonce, io.waitScope);
  }
  if (command == "rank" && (rest.size() == 2 || rest.size() == 3)) {
    auto nonce = rest.size() == 3 ? nonceFrom(rest[2]) : newNonce();
    return rank(election, rest[0], voterNumber(rest[1]), nonce, io.waitScope);
  }
  if (command == "results" && rest.size() == 0) {
    auto answer = election.resultsRequest().send().wait(io.waitScope);
    show(answer.getResults());
  } else if (command == "watch" && rest.size() == 0) {
    watch(election, connection.onDisconnect(), io.waitScope);
  } else {
    return usage();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  kj::Vector<kj::StringPtr> arguments;
  for (int i = 1; i < argc; ++i) arguments.add(argv[i]);
  try {
    return run(arguments);
  } catch (const kj::Exception& error) {
    fprintf(stderr, "%s\n", error.getDescription().cStr());
    return 1;
  }
}
