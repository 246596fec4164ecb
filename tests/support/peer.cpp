#include "support/peer.hpp"

#include "wye/registry/open.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

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

void socat_connects(const std::string& uri, const std::string& address) {
    if (!have_program("socat")) GTEST_SKIP() << "socat is not installed";
    auto server = or_throw(open(with_param(uri, "framing=lines&listen")));
    Program socat({"socat", "-t5", "-", address}, "one\ntwo\n");
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(server.recv(room, 5s))), "one");
    EXPECT_EQ(text_of(or_throw(server.recv(room, 5s))), "two");
    WYE_EXPECT_ERRC(Errc::closed, server.recv(room, 5s));
    WYE_ASSERT_OK(server.send(bytes_of("three")));
    WYE_ASSERT_OK(server.close_write());
    EXPECT_TRUE(socat.ok());
    EXPECT_EQ(socat.output(), "three\n");
}

void socat_listens(const std::string& uri, const std::string& address) {
    if (!have_program("socat")) GTEST_SKIP() << "socat is not installed";
    Program socat({"socat", "-t5", "-", address}, "welcome\n");
    auto client = open(with_param(uri, "framing=lines"), {}, 1s);
    for (const Deadline end = 5s; !client && !end.passed(); ::usleep(2000))
        client = open(with_param(uri, "framing=lines"), {}, 1s);
    WYE_ASSERT_OK(client);
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(client->recv(room, 5s))), "welcome");
    WYE_ASSERT_OK(client->send(bytes_of("thanks")));
    WYE_ASSERT_OK(client->close_write());
    EXPECT_TRUE(socat.ok());
    EXPECT_EQ(socat.output(), "thanks\n");
}

void python_connects(const std::string& uri, const std::string& kind, const std::string& where) {
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
    if (!have_program("python3")) GTEST_SKIP() << "python3 is not installed";
    auto server = or_throw(open(with_param(uri, "listen")));
    Program python({"python3", "-c", script, kind, where}, "");
    std::vector<std::byte> room(200000);
    const std::string big(150000, 'x');
    WYE_ASSERT_OK(server.send(bytes_of(big), 5s));
    EXPECT_TRUE(text_of(or_throw(server.recv(room, 5s))) == std::string(big.size(), 'X'));
    EXPECT_EQ(or_throw(server.recv(room, 5s)).size(), 0u);
    WYE_EXPECT_ERRC(Errc::closed, server.recv(room, 5s));
    WYE_ASSERT_OK(server.close_write());
    EXPECT_TRUE(python.ok());
}

}  // namespace wye::test
