// What two programs need of what joins them: the questions of `wye advise`, in the order in which they are asked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wye::advice {

enum class Purpose : std::uint8_t { messages, question, memory, lock, permits, event };
enum class Where : std::uint8_t { unrelated, forked, started, network };
/// all_to_all: many tell, and each of many hears all of it.
enum class Parties : std::uint8_t { one_to_one, many_to_one, one_to_many, all_to_all, shared_work };
enum class Partner : std::uint8_t { any, files, stdio };
/// What may not take with it what was sent, each more than the one before it.
enum class Kept : std::uint8_t { no, absent, crash, reboot, host };
enum class Loss : std::uint8_t { unsaid, none, allowed, latest };

struct Needs {
    Purpose purpose = Purpose::messages;
    std::optional<Where> where = {};  ///< unsaid: strangers on one host, or a child where only that can be meant
    bool trusted = false;             ///< nobody else is on the network
    bool other_user = false;
    Parties parties = Parties::one_to_one;
    bool both_ways = false;
    Partner partner = Partner::any;
    Kept kept = Kept::no;
    Loss loss = Loss::unsaid;
    bool priority = false, by_type = false;
    bool survive_kill = false;  ///< what a killed process held or had taken comes back
    bool pollable = false, descriptors = false;
    bool no_server = false;  ///< nothing runs but the programs themselves
    std::uint64_t size = 0;  ///< bytes of a message, or of the memory; 0: unsaid
    double rate = 0;         ///< messages a second; 0: unsaid

    Where place() const noexcept {
        return where ? *where : partner == Partner::stdio ? Where::started : Where::unrelated;
    }
};

/// What a means can be ruled out by.
enum class Need : std::uint8_t {
    purpose,
    place,
    secrecy,
    other_user,
    parties,
    both_ways,
    partner,
    kept,
    loss,
    priority,
    by_type,
    survive_kill,
    pollable,
    descriptors,
    no_server,
    size,
    rate,
};

/// As people say it: "strangers on one host", "messages kept over a reboot".
std::string phrase(Need, const Needs&);
/// As the command is told it: "--durable=reboot"; empty for what nobody has to say.
std::string option(Need, const Needs&);

/// What was asked for beyond that one program tells another something.
std::vector<Need> asked(const Needs&);

}  // namespace wye::advice
