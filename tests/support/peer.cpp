#include "support/peer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace wye::test {
namespace {

bool become(const std::vector<std::string>& arguments, const std::string& in, const std::string& out) {
    ::dup2(::open(in.c_str(), O_RDONLY | O_CLOEXEC), 0);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 1);
    std::vector<char*> argv;
    for (const auto& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    return false;
}

}  // namespace

bool have_program(const std::string& name) {
    std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "/usr/bin:/bin");
    for (std::string d; std::getline(path, d, ':');)
        if (::access((d + "/" + name).c_str(), X_OK) == 0) return true;
    return false;
}

Program::Program(std::vector<std::string> arguments, const std::string& input)
    : child_([&] {
          std::ofstream(dir_ / "in") << input;
          return become(arguments, dir_ / "in", dir_ / "out");
      }) {}

std::string Program::output() const {
    std::ifstream in(dir_ / "out");
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> python_client(const std::string& kind, const std::string& where) {
    static const char* script = R"(
import socket, struct, sys
kind, where = sys.argv[1:]
if kind == "unix":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.connect(where)
else:
    s = socket.create_connection(("127.0.0.1", int(where)))
def whole(n):
    b = b""
    while len(b) < n:
        part = s.recv(n - len(b))
        if not part: sys.exit("the end came too early")
        b += part
    return b
def send(b): s.sendall(struct.pack(">I", len(b)) + b)
message = whole(struct.unpack(">I", whole(4))[0])
send(message.upper())
send(b"")
s.shutdown(socket.SHUT_WR)
sys.exit(0 if s.recv(1) == b"" else "there was more")
)";
    return {"python3", "-c", script, kind, where};
}

}  // namespace wye::test
