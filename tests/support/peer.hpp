// Programs that know nothing of wye, as the other end.
#pragma once
#include "support/support.hpp"

#include <string>
#include <vector>

namespace wye::test {

bool have_program(const std::string& name);

/// A program with its input and output on files, so that nobody waits for anybody's pipe.
class Program {
public:
    Program(std::vector<std::string> arguments, const std::string& input);
    bool ok(Deadline d = std::chrono::seconds(10)) { return child_.ok(d); }
    std::string output() const;

private:
    TempDir dir_;
    Child child_;
};

/// Lines to and from socat, with `uri` as our end; it is told `address` ("TCP:127.0.0.1:7000").
void socat_connects(const std::string& uri, const std::string& address);
void socat_listens(const std::string& uri, const std::string& address);

/// A Python client of the standard library: connects (`unix` and a path, or `tcp` and a port), receives one message
/// framed by four bytes of length, and answers with the same text in capitals and then with an empty message.
void python_connects(const std::string& uri, const std::string& kind, const std::string& where);

}  // namespace wye::test
