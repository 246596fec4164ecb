#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

void await_server(Stage& stage) {
    while (stage.board().places[0].ready == 0) {
        stage.others().check();
        usleep(100);
    }
}

// Beside the client that is measured, others ask as fast as they can.
void ask(const Work& w, Means& m, Taken& t, Bytes question, Bytes answer) {
    Stage stage(w, m, request);
    auto& b = stage.board();
    const auto clients = std::min(std::max(w.parties, 2u) - 1, Board::most);
    stage.beside(1, Role::server, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) {
            if (!answer.empty())
                end.serve_with(room, answer);
            else
                w.poll ? end.serve_looking(room) : end.serve(room);
        }
    });
    await_server(stage);
    for (unsigned i = 1; i < clients; ++i)
        stage.others().start(
            i,
            [&](unsigned which) {
                const auto end = m.open(Role::client, which);
                b.places[which].ready = 1;
                auto in = room_for(w);
                for (;;) {
                    end->send(question);
                    end->recv(in, false);
                    b.places[which].count.fetch_add(1);
                }
            },
            false);
    auto& end = stage.here(Role::client);
    auto in = room_for(w);
    const auto expected = answer.empty() ? question.size() : answer.size();
    const auto once = [&] {
        const auto begin = ticks();
        if (!w.poll) end.send(question);
        const auto n = w.poll ? end.ask_looking(question, in) : end.recv(in, false);
        touched(in.data());
        if (n != expected) throw std::runtime_error("an answer of " + std::to_string(n) + " bytes");
        return ticks() - begin;
    };
    const auto others = [&] {
        std::uint64_t all = 0;
        for (unsigned i = 1; i < clients; ++i) all += b.places[i].count;
        return all;
    };
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); ++n) once();
    stage.begin();
    const auto before = others(), begin = ticks();
    const Until measured(w);
    for (std::uint64_t n = 0; measured.more(n); ++n) t.times.add(units(once())), ++t.messages;
    t.messages += others() - before;
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    stage.cost(t, static_cast<double>(t.messages));
}

}  // namespace

void request_reply(const Work& w, Means& m, Taken& t) { ask(w, m, t, message_of(w), {}); }

void long_answer(const Work& w, Means& m, Taken& t) {
    const std::vector<std::byte> question(64, std::byte{1});
    ask(w, m, t, question, message_of(w));
}

// A client that asks the next when the oldest is answered.
void several_asked(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, request);
    stage.beside(1, Role::server, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) end.serve(room);
    });
    await_server(stage);
    auto& end = stage.here(Role::client);
    const auto out = message_of(w);
    auto in = room_for(w);
    std::deque<std::uint64_t> asked;
    const auto next = [&] {
        while (asked.size() < std::max<std::uint64_t>(w.at_once, 1)) {
            asked.push_back(ticks());
            end.ask(out);
        }
        if (const auto n = end.answer(in); n != out.size())
            throw std::runtime_error("an answer of " + std::to_string(n) + " bytes");
        touched(in.data());
        const auto took = ticks() - asked.front();
        asked.pop_front();
        return took;
    };
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); ++n) next();
    stage.begin();
    const Until measured(w);
    const auto begin = ticks();
    for (; measured.more(t.messages); ++t.messages) t.times.add(units(next()));
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    stage.cost(t, static_cast<double>(t.messages));
}

}  // namespace wye::measure
