// The C++ peer's server: server (vote VOTERS | lines).

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/debug.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <unordered_map>

#include "election.capnp.h"
#include "lines.capnp.h"

namespace {

// Bytes per read, and reads in flight.
constexpr uint32_t READ = 256 * 1024;
constexpr size_t READS = 8;

// Everything runs on one thread and needs no lock.
class ElectionServer final : public Election::Server, private kj::TaskSet::ErrorHandler {
 public:
  explicit ElectionServer(uint64_t voters) : sending(*this) {
    voted.reserve(voters);
    for (uint64_t number = 1; number <= voters; ++number) voted.emplace(number, false);
  }

 protected:
  kj::Promise<void> vote(VoteContext context) override {
    auto params = context.getParams();
    auto outcome = context.getResults().initOutcome();
    auto text = record(params.getVoterNumber(), params.getCandidate(), outcome);
    auto call = params.getMessages().messageRequest();
    call.setText(text);
    // The vote does not wait for the sink, but dropping the promise would cancel the call.
    sending.add(call.send().ignoreResult());
    return kj::READY_NOW;
  }

 private:
  kj::StringPtr record(uint64_t number, kj::StringPtr candidate, VoteOutcome::Builder outcome) {
    auto counter = votes.find(candidate.cStr());
    if (counter == votes.end()) {
      auto slate = outcome.initUnknownCandidate(votes.size());
      uint at = 0;
      for (auto& entry : votes) slate.set(at++, entry.first.c_str());
      return "There is no such candidate.";
    }
    auto voter = voted.find(number);
    if (voter == voted.end()) {
      outcome.setUnknownVoterNumber();
      return "There is no such voter number.";
    }
    if (voter->second) {
      outcome.setAlreadyVoted();
      return "A vote under this number stands.";
    }
    voter->second = true;
    ++counter->second;
    outcome.initRecorded();
    return "Your vote is recorded.";
  }

  void taskFailed(kj::Exception&&) override {
    // The voter has left.
  }

  std::unordered_map<uint64_t, bool> voted;
  std::unordered_map<std::string, uint64_t> votes{{"Ada", 0}, {"Grace", 0}};
  kj::TaskSet sending;
};

// One count of a file's lines, with reads in flight ahead of it.
class Count {
 public:
  Count(RemoteFile::Client file, LineSink::Client sink) : file(kj::mv(file)), sink(kj::mv(sink)) {}

  kj::Promise<uint64_t> run() {
    while (reads.size() < READS) {
      auto call = file.readRequest();
      call.setOffset(asked);
      call.setLength(READ);
      reads.push_back(call.send());
      asked += READ;
    }
    auto next = kj::mv(reads.front());
    reads.pop_front();
    using Answer = capnp::Response<RemoteFile::ReadResults>;
    return next.then([this](Answer&& answer) -> kj::Promise<uint64_t> {
      auto data = answer.getData();
      if (data.size() == 0) return finish();
      offset += data.size();
      if (data.size() < READ) {
        // Reads beyond a short answer are repeated from its end.
        reads.clear();
        asked = offset;
      }
      return handOver(data.asChars()).then([this] { return run(); });
    });
  }

 private:
  kj::Promise<void> handOver(kj::ArrayPtr<const char> data) {
    // The ends of the lines in `data`; the rest is kept for the next data.
    ends.clear();
    for (auto at = data.begin();
         auto newline = static_cast<const char*>(memchr(at, '\n', data.end() - at));
         at = newline + 1) {
      ends.push_back(newline + 1 - data.begin());
    }
    if (ends.empty()) {
      last.append(data.begin(), data.size());
      return kj::READY_NOW;
    }
    // The first line may have begun in earlier data.
    auto words = data.size() / 8 + 3 * ends.size() + last.size() / 8 + 16;
    auto call = sink.linesRequest(capnp::MessageSize{words, 0});
    auto lines = call.initLines(ends.size());
    auto first = lines.init(0, last.size() + ends[0]).asChars();
    memcpy(first.begin(), last.data(), last.size());
    memcpy(first.begin() + last.size(), data.begin(), ends[0]);
    for (size_t i = 1; i < ends.size(); ++i) {
      lines.set(i, data.slice(ends[i - 1], ends[i]).asBytes());
    }
    count += ends.size();
    last.assign(data.begin() + ends.back(), data.end());
    return call.send();
  }

  kj::Promise<uint64_t> finish() {
    reads.clear();
    kj::Promise<void> sent = kj::READY_NOW;
    if (!last.empty()) {
      auto call = sink.linesRequest();
      auto bytes = reinterpret_cast<const kj::byte*>(last.data());
      call.initLines(1).set(0, capnp::Data::Reader(bytes, last.size()));
      ++count;
      sent = call.send();
    }
    return sent.then([this] { return sink.doneRequest().send().ignoreResult(); })
        .then([this] { return count; });
  }

  RemoteFile::Client file;
  LineSink::Client sink;
  std::deque<capnp::RemotePromise<RemoteFile::ReadResults>> reads;
  uint64_t asked = 0;
  uint64_t offset = 0;
  uint64_t count = 0;
  std::string last;
  std::deque<size_t> ends;
};

class LineCounterServer final : public LineCounter::Server {
 protected:
  kj::Promise<void> countLines(CountLinesContext context) override {
    auto params = context.getParams();
    auto count = kj::heap<Count>(params.getFile(), params.getLines());
    context.releaseParams();
    auto running = count->run();
    return running.attach(kj::mv(count)).then([context](uint64_t lines) mutable {
      context.getResults().setCount(lines);
    });
  }
};

class DirectoryServer final : public Directory::Server {
 public:
  explicit DirectoryServer(uint64_t voters) : theElection(kj::heap<ElectionServer>(voters)) {}

 protected:
  kj::Promise<void> election(ElectionContext context) override {
    context.getResults().setElection(theElection);
    return kj::READY_NOW;
  }

  kj::Promise<void> lineCounter(LineCounterContext context) override {
    context.getResults().setCounter(kj::heap<LineCounterServer>());
    return kj::READY_NOW;
  }

 private:
  Election::Client theElection;
};

}  // namespace

int main(int argc, char** argv) {
  auto io = kj::setupAsyncIo();
  uint64_t voters = argc > 2 ? strtoull(argv[2], nullptr, 10) : 0;
  capnp::TwoPartyServer server(kj::heap<DirectoryServer>(voters));
  auto address = io.provider->getNetwork().parseAddress("127.0.0.1:0").wait(io.waitScope);
  auto listener = address->listen();
  printf("ready 127.0.0.1:%u\n", listener->getPort());
  fflush(stdout);
  server.listen(*listener).wait(io.waitScope);
}
