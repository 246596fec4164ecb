#include "measure/side_by_side.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace wye::measure {
namespace {

void let_descriptors_be_many() {
    rlimit most{};
    if (getrlimit(RLIMIT_NOFILE, &most) != 0) return;
    most.rlim_cur = most.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &most);
}

}  // namespace

SideBySide::SideBySide(const Work& w, Means& m, std::chrono::nanoseconds quiet, const Then& then)
    : w_(w), at_first_(use_of_this_process()), inherited_(!m.named) {
    let_descriptors_be_many();
    const auto n = std::max<std::uint64_t>(w.at_once, 1);
    for (std::uint64_t i = 0; i <= n; ++i)
        if (auto one = m.another()) more_.push_back(std::move(one));
    if (more_.empty() && n > 1) throw std::runtime_error("one channel at a time");
    if (more_.empty()) all_.push_back(&m);
    for (const auto& one : more_) all_.push_back(one.get());
    spare_ = more_.empty() ? 0 : 1;
    for (auto* one : all_) {
        one->quiet = quiet;
        prepared_.emplace_back(*one, duel, 2);
    }
    others_.start(0, [&](unsigned) { connects(w, then); }, false);
}

void SideBySide::connects(const Work& w, const Then& then) {
    auto& mine = others_.board().places[0];
    auto room = room_for(w);
    auto before = use_of_this_process();
    for (auto* one : all_) {
        const auto begin = ticks();
        ends_.push_back(one->open(Role::second, 0));
        if (ends_.size() > spare_) grown_->opened.add(units(ticks() - begin));
        others_.board().go = ends_.size();
        ends_.back()->recv(room, false);
        if (ends_.size() == spare_) before = use_of_this_process();
    }
    const auto now = use_of_this_process();
    grown_->there = now.more_than(before);
    // It began with both ends of each, and let go of one.
    if (inherited_) grown_->there.descriptors = now.more_than(at_first_).descriptors * count() / all_.size();
    if (spare_) ends_.front().reset();
    mine.ready = 1;
    then(*ends_.back());
}

const SideBySide::Grown& SideBySide::open() {
    const auto& b = others_.board();
    auto before = use_of_this_process();
    try {
        for (auto* one : all_) {
            ends_.push_back(one->open(Role::first, 0));
            while (b.go < ends_.size()) others_.check(), usleep(20);
            ends_.back()->send(message_of(w_));
            if (ends_.size() == spare_) before = use_of_this_process();
        }
        others_.wait_ready();
    } catch (const std::exception&) {
        trouble_of_another() = others_.trouble();
        throw;
    }
    grown_->here = use_of_this_process().more_than(before);
    return *grown_;
}

}  // namespace wye::measure
