// Messages on standard output, in the forms that every verb has for them.
#pragma once
#include "wye/io/framed_stream.hpp"

#include "arguments.hpp"
#include "table.hpp"

namespace wye::cli {

/// --lines, --nul, --json; none of them: the bytes, one after the other.
struct Form {
    bool lines = false, nul = false, json = false;
    /// `json_help` names the schema.
    void define(Arguments&, const char* json_help);
};

/// Through the library's own writer: no stdio copy, and a reader that has gone is Errc::closed.
class MessageOutput {
public:
    explicit MessageOutput(Form);
    /// `about` is what JSON says beside the message: its schema first.
    Result<> write(Bytes message, const Json& about);

private:
    Form form_;
    FramedStream out_;
};

}  // namespace wye::cli
