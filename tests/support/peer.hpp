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

/// A Python client of the standard library: connects (`unix` and a path, or `tcp` and a port), receives one message
/// framed by four bytes of length, and answers with the same text in capitals and then with an empty message.
std::vector<std::string> python_client(const std::string& kind, const std::string& where);

}  // namespace wye::test
