#include "measure/needs.hpp"

#include "wye/base/text.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace wye::advice {
namespace {

struct Words {
    std::string_view phrase, option;
};

template <class E, std::size_t N>
constexpr const Words& of(const std::array<Words, N>& words, E e) noexcept {
    return words[static_cast<std::size_t>(e)];
}

constexpr std::array<Words, 6> purposes{{{"messages are carried", ""},
                                         {"a question has an answer", "--ask"},
                                         {"memory is used in place", "--in-place"},
                                         {"one at a time", "--lock"},
                                         {"at most so many at once", "--at-most"},
                                         {"it happened", "--event"}}};
constexpr std::array<Words, 4> places{{{"strangers on one host", "--unrelated"},
                                       {"processes of one fork", "--related"},
                                       {"one starts the other", "--child"},
                                       {"another host", "--network"}}};
constexpr std::array<Words, 5> parties{{{"one tells one", "--one-to-one"},
                                        {"many tell one", "--many-to-one"},
                                        {"each of many hears all", "--one-to-many"},
                                        {"many tell, each of many hears all", "--many-to-one --one-to-many"},
                                        {"many share the work", "--share-work"}}};
constexpr std::array<Words, 3> partners{{{"", ""},
                                         {"a program that knows only files", "--files"},
                                         {"a program that knows only stdin and stdout", "--stdio"}}};
constexpr std::array<Words, 5> kept{{{"", ""},
                                     {"kept while nobody is there", "--durable=absent"},
                                     {"kept whatever process dies", "--durable=crash"},
                                     {"kept over a reboot", "--durable=reboot"},
                                     {"kept when a host is lost", "--durable=host"}}};
constexpr std::array<Words, 4> losses{{{"", ""},
                                       {"nothing may be lost", "--must-arrive"},
                                       {"late is as bad as lost", "--may-lose"},
                                       {"only the latest counts", "--latest"}}};

std::string number(double v) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, v, std::chars_format::fixed, 0).ptr;
    return {text, end};
}

Words plain(Need n, const Needs& w) noexcept {
    switch (n) {
        case Need::purpose:
            return of(purposes, w.purpose);
        case Need::place:
            return of(places, w.place());
        case Need::secrecy:
            return {"others are on the way", "--network"};
        case Need::other_user:
            return {"programs of different users", "--other-user"};
        case Need::parties:
            return of(parties, w.parties);
        case Need::both_ways:
            return {"both ways", "--both-ways"};
        case Need::partner:
            return of(partners, w.partner);
        case Need::kept:
            return of(kept, w.kept);
        case Need::loss:
            return of(losses, w.loss);
        case Need::priority:
            return {"the urgent first", "--priority"};
        case Need::by_type:
            return {"taken by type", "--by-type"};
        case Need::survive_kill:
            return {"what a killed process had comes back", "--survive-kill"};
        case Need::pollable:
            return {"waits in an event loop", "--poll"};
        case Need::descriptors:
            return {"descriptors are passed", "--fds"};
        case Need::no_server:
            return {"no server runs", "--no-daemon"};
        case Need::size:
        case Need::rate:
            break;
    }
    return {};
}

}  // namespace

std::string phrase(Need n, const Needs& w) {
    if (n == Need::size) return "messages of " + human_size(static_cast<double>(w.size));
    if (n == Need::rate) return number(w.rate) + " messages a second";
    return std::string(plain(n, w).phrase);
}

std::string option(Need n, const Needs& w) {
    if (n == Need::size) return "--size=" + std::to_string(w.size);
    if (n == Need::rate) return "--rate=" + number(w.rate);
    return std::string(plain(n, w).option);
}

std::vector<Need> asked(const Needs& w) {
    const std::pair<Need, bool> all[] = {{Need::purpose, w.purpose != Purpose::messages},
                                         {Need::place, true},
                                         {Need::secrecy, w.place() == Where::network && !w.trusted},
                                         {Need::other_user, w.other_user},
                                         {Need::parties, w.parties != Parties::one_to_one},
                                         {Need::both_ways, w.both_ways},
                                         {Need::partner, w.partner != Partner::any},
                                         {Need::kept, w.kept != Kept::no},
                                         {Need::loss, w.loss != Loss::unsaid},
                                         {Need::priority, w.priority},
                                         {Need::by_type, w.by_type},
                                         {Need::survive_kill, w.survive_kill},
                                         {Need::pollable, w.pollable},
                                         {Need::descriptors, w.descriptors},
                                         {Need::no_server, w.no_server},
                                         {Need::size, w.size > 0},
                                         {Need::rate, w.rate > 0}};
    std::vector<Need> some;
    for (const auto& [need, is_asked] : all)
        if (is_asked) some.push_back(need);
    return some;
}

}  // namespace wye::advice
