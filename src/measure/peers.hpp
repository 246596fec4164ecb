// Which programs of bench/peers there can be: bench/peers/peers.json, as it was when this was built.
#pragma once
#include <string>
#include <vector>

namespace wye::measure {

struct Peer {
    std::string program;  ///< of "wye-peer-zeromq": "zeromq"
    std::string group;
    std::vector<std::string> means, packages;
    std::string needs;  ///< what no package of Debian 12 is

    /// What to say of its means where the program is not: what is lacking, and how to get it.
    std::string why_missing() const;
};

const std::vector<Peer>& known_peers();

}  // namespace wye::measure
