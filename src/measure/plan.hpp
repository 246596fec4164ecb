// A whole run: which pieces of work, in which order, how long each; and what came of them, as wye.bench/1
// (docs/bench.md).
#pragma once
#include "measure/machine.hpp"

#include <functional>
#include <map>

namespace wye::measure {

/// What is measured by which program: its argv, to which "list" or "run" and the work is added.
struct Program {
    std::vector<std::string> argv;
};

/// What it says that it can measure. Errc::corrupt where that is not what it should be.
Result<std::vector<Json>> means_of(const Program&);

/// Of what a program said.
std::string last_line(std::string);

/// A peer that is not there.
struct Missing {
    std::string name, group, why;
};

struct Wish {
    std::vector<std::string> means, workloads;  // empty: all
    std::vector<std::size_t> sizes;             // empty: those of the mode
    bool full = false;
    std::chrono::milliseconds budget{70'000};  // that it is to take in all, if that is possible
    unsigned rounds = 3;
};

class Bench {
public:
    /// Asks each program what it has. Errc::not_found names a means or a workload that nobody has, Errc::corrupt a
    /// program that answers something else.
    static Result<Bench> plan(const std::vector<Program>&, std::vector<Missing>, Wish);

    struct State {
        std::size_t done, all;
        std::string_view what;
        double seconds_left;
    };
    /// Looked at before each piece of work; false: no more.
    using GoOn = std::function<bool(const State&)>;
    Json run(const GoOn&);

    static constexpr std::chrono::seconds a_while{1};  ///< who sleeps so long does so beside the others

    std::size_t pieces() const noexcept { return cells_.size(); }

private:
    struct Cell {
        const Program* program;
        std::size_t means;  // of means_
        Work work;
        std::vector<Taken> rounds{};
        std::string trouble{};  // why there is nothing
        double calls = -1;
    };
    struct Floor {
        std::vector<double> line, wake;
        double f() const, w() const;
    };

    void choose(std::size_t means, const Program&, const Wish&);
    void add(std::size_t means, const Program&, const Wish&, Work);
    void measure(Cell&);
    static bool sleeps(const Cell& c) { return c.work.workload == "idle" && c.work.time >= a_while; }
    /// False: no more is wanted.
    bool all_asleep(const std::function<bool(std::string_view what)>& go_on);
    void measure_floor();
    void count_calls(const GoOn&, std::size_t& done, std::size_t all);
    Json row(const Cell&) const;
    Json document(double seconds, bool complete, const Busy&, double own) const;

    std::vector<Program> programs_;
    std::vector<Missing> missing_;
    std::vector<Json> means_;
    std::vector<Cell> cells_;
    Floor floor_;
    const Program* floor_program_ = nullptr;
    std::vector<double> steal_;  // of each round
    Wish wish_;
};

}  // namespace wye::measure
