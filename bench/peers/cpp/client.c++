// The C++ peer's client:
// client HOST:PORT (vote CONNECTIONS IN_FLIGHT VOTES | arrive IN_FLIGHT VOTES | lines FILE).

#include <capnp/rpc-twoparty.h>
#include <fcntl.h>
#include <kj/async-io.h>
#include <kj/debug.h>
#include <kj/io.h>
#include <kj/vector.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "election.capnp.h"
#include "lines.capnp.h"

namespace {

kj::Own<kj::NetworkAddress> address(kj::AsyncIoContext& io, kj::StringPtr server) {
  return io.provider->getNetwork().parseAddress(server).wait(io.waitScope);
}

struct Connection {
  Connection(kj::AsyncIoContext& io, kj::StringPtr server)
      : Connection(address(io, server)->connect().wait(io.waitScope)) {}

  explicit Connection(kj::Own<kj::AsyncIoStream> opened)
      : stream(kj::mv(opened)),
        client(*stream),
        directory(client.bootstrap().castAs<Directory>()) {}

  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyClient client;
  Directory::Client directory;
};

class CountingSink final : public MessageSink::Server {
 public:
  explicit CountingSink(uint64_t& recorded) : recorded(recorded) {}

 protected:
  kj::Promise<void> message(MessageContext context) override {
    recorded += context.getParams().getText() == "Your vote is recorded.";
    return kj::READY_NOW;
  }

 private:
  uint64_t& recorded;
};

// The voters of one connection.
class Voters {
 public:
  Voters(kj::AsyncIoContext& io, kj::StringPtr server, uint64_t first, uint64_t step,
         uint64_t votes)
      : connection(io, server),
        election(connection.directory.electionRequest().send().wait(io.waitScope).getElection()),
        next(first), step(step), votes(votes) {}

  // Casts one vote after another until none is left.
  kj::Promise<void> run() {
    if (next > votes) return kj::READY_NOW;
    auto call = election.voteRequest();
    call.setCandidate("Ada");
    call.setVoterNumber(next);
    call.setMessages(sink);
    next += step;
    return call.send().then([this](capnp::Response<Election::VoteResults>&& answer) {
      recorded += answer.getOutcome().isRecorded();
      return run();
    });
  }

  uint64_t recorded = 0;
  uint64_t messages = 0;

 private:
  Connection connection;
  Election::Client election;
  MessageSink::Client sink = kj::heap<CountingSink>(messages);
  uint64_t next;
  uint64_t step;
  uint64_t votes;
};

// Voters who each connect, vote, are told and leave.
class Arrivals {
 public:
  Arrivals(kj::Own<kj::NetworkAddress> server, uint64_t votes)
      : server(kj::mv(server)), votes(votes) {}

  // Has one voter after another come until none is left.
  kj::Promise<void> run() {
    if (next > votes) return kj::READY_NOW;
    auto number = next++;
    return server->connect()
        .then([this, number](kj::Own<kj::AsyncIoStream>&& stream) {
          auto connection = kj::heap<Connection>(kj::mv(stream));
          auto call =
              connection->directory.electionRequest().send().getElection().voteRequest();
          call.setCandidate("Ada");
          call.setVoterNumber(number);
          call.setMessages(kj::heap<CountingSink>(messages));
          auto counted = call.send().then([this](capnp::Response<Election::VoteResults>&& answer) {
            recorded += answer.getOutcome().isRecorded();
          });
          return counted.attach(kj::mv(connection));
        })
        .then([this] { return run(); });
  }

  uint64_t recorded = 0;
  uint64_t messages = 0;

 private:
  kj::Own<kj::NetworkAddress> server;
  uint64_t next = 1;
  uint64_t votes;
};

class FileServer final : public RemoteFile::Server {
 public:
  explicit FileServer(int file) : file(file) {}

 protected:
  kj::Promise<void> read(ReadContext context) override {
    auto params = context.getParams();
    auto results = context.getResults(capnp::MessageSize{params.getLength() / 8 + 8, 0});
    // Read directly into the answer, and truncate it at the end of the file.
    auto orphanage = capnp::Orphanage::getForMessageContaining(results);
    auto orphan = orphanage.newOrphan<capnp::Data>(params.getLength());
    auto data = orphan.get();
    ssize_t length;
    KJ_SYSCALL(length = pread(file, data.begin(), data.size(), params.getOffset()));
    orphan.truncate(length);
    results.adoptData(kj::mv(orphan));
    return kj::READY_NOW;
  }

 private:
  int file;
};

template <typename Function>
class FunctionSink final : public LineSink::Server {
 public:
  FunctionSink(Function& function, bool& isDone) : function(function), isDone(isDone) {}

 protected:
  kj::Promise<void> lines(LinesContext context) override {
    for (auto line : context.getParams().getLines()) function(line);
    return kj::READY_NOW;
  }

  kj::Promise<void> done(DoneContext) override {
    isDone = true;
    return kj::READY_NOW;
  }

 private:
  Function& function;
  bool& isDone;
};

double now() {
  auto sinceEpoch = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(sinceEpoch).count();
}

void print(uint64_t count, double seconds) {
  printf("{\"count\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(count), seconds);
}

void vote(kj::AsyncIoContext& io, kj::StringPtr server, uint64_t connections, uint64_t inFlight,
          uint64_t votes) {
  kj::Vector<kj::Own<Voters>> all_voters;
  for (uint64_t first = 1; first <= connections; ++first) {
    all_voters.add(kj::heap<Voters>(io, server, first, connections, votes));
  }
  auto began = now();
  kj::Vector<kj::Promise<void>> running;
  for (auto& voters : all_voters) {
    for (uint64_t i = 0; i < inFlight; ++i) running.add(voters->run());
  }
  // A vote's message is sent before its outcome, over the same connection.
  kj::joinPromises(running.releaseAsArray()).wait(io.waitScope);
  auto seconds = now() - began;
  uint64_t recorded = 0;
  uint64_t messages = 0;
  for (auto& voters : all_voters) {
    recorded += voters->recorded;
    messages += voters->messages;
  }
  KJ_REQUIRE(recorded == votes && messages == votes, "not every vote was recorded", votes, recorded,
             messages);
  print(votes, seconds);
}

void arrive(kj::AsyncIoContext& io, kj::StringPtr server, uint64_t inFlight, uint64_t votes) {
  Arrivals arrivals(address(io, server), votes);
  auto began = now();
  kj::Vector<kj::Promise<void>> running;
  for (uint64_t i = 0; i < inFlight; ++i) running.add(arrivals.run());
  kj::joinPromises(running.releaseAsArray()).wait(io.waitScope);
  auto seconds = now() - began;
  KJ_REQUIRE(arrivals.recorded == votes && arrivals.messages == votes,
             "not every vote was recorded", votes, arrivals.recorded, arrivals.messages);
  print(votes, seconds);
}

void lines(kj::AsyncIoContext& io, kj::StringPtr server, const char* path) {
  int opened;
  KJ_SYSCALL(opened = open(path, O_RDONLY | O_CLOEXEC), path);
  kj::AutoCloseFd file(opened);
  struct stat status;
  KJ_SYSCALL(fstat(file, &status));

  uint64_t length = 0;
  bool isDone = false;
  auto function = [&length](capnp::Data::Reader line) { length += line.size(); };

  Connection connection(io, server);
  auto counter = connection.directory.lineCounterRequest().send().wait(io.waitScope).getCounter();
  auto call = counter.countLinesRequest();
  call.setFile(kj::heap<FileServer>(file));
  call.setLines(kj::heap<FunctionSink<decltype(function)>>(function, isDone));
  auto began = now();
  auto count = call.send().wait(io.waitScope).getCount();
  auto seconds = now() - began;
  bool isWhole = isDone && length == static_cast<uint64_t>(status.st_size);
  KJ_REQUIRE(isWhole, "the callback saw other bytes", length);
  print(count, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto io = kj::setupAsyncIo();
    if (argc == 6 && strcmp(argv[2], "vote") == 0) {
      vote(io, argv[1], strtoull(argv[3], nullptr, 10), strtoull(argv[4], nullptr, 10),
           strtoull(argv[5], nullptr, 10));
    } else if (argc == 5 && strcmp(argv[2], "arrive") == 0) {
      arrive(io, argv[1], strtoull(argv[3], nullptr, 10), strtoull(argv[4], nullptr, 10));
    } else if (argc == 4 && strcmp(argv[2], "lines") == 0) {
      lines(io, argv[1], argv[3]);
    } else {
      KJ_FAIL_REQUIRE(
          "client HOST:PORT "
          "(vote CONNECTIONS IN_FLIGHT VOTES | arrive IN_FLIGHT VOTES | lines FILE)");
    }
  } catch (const kj::Exception& error) {
    fprintf(stderr, "%s\n", error.getDescription().cStr());
    return 1;
  }
}
