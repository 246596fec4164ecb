// A program that runs: its processes, and the bytes that go in and come out.
#pragma once
#include "wye/os/port.hpp"
#include "wye/process/command.hpp"

#include "os/spawn.hpp"
#include "process/command/tree.hpp"

#include <optional>

struct pollfd;

namespace wye {

struct Job::State {
    // One pipe that a program writes and we read.
    struct Flow {
        Fd fd;
        Port port;
        Sink sink;                           // or
        std::string Output::* to = nullptr;  // captured
    };

    std::vector<sys::Process> processes;
    std::vector<bool> ended;  // seen by its pidfd; reaped only when all is over, so that its group keeps its number
    std::vector<Flow> flows;
    Fd in;
    Port in_port;
    std::shared_ptr<const std::string> input;
    std::size_t sent = 0;
    Output output;
    std::size_t capture_limit = 0, stream_limit = 0, captured = 0, streamed = 0;
    std::chrono::nanoseconds grace{};
    bool foreground = false, over = false, ending = false;
    std::optional<Error> trouble;  // why it was ended by us
    Tree tree;
    std::vector<std::byte> room;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State();

    bool ours() const noexcept { return processes.empty() || processes.front().ours(); }
    Result<> pump(Deadline);  // until everything has ended
    Result<Exit> finish();
    Result<Exit> end();
    void signal(int number) noexcept;
    void kill() noexcept;

private:
    void gather(std::vector<pollfd>&) const;
    bool answered(const pollfd&);
    void feed();
    bool drain(Flow&);
    bool deliver(Flow&, Bytes);
    void last_words();
};

}  // namespace wye
