# The names the other files use. The standard library alone; Pkg is loaded when a ]cell asks for it.

using Base64: base64encode
using Logging: Logging, AbstractLogger, ConsoleLogger, current_logger, global_logger, with_logger
using Random: RandomDevice
import REPL
import SHA

const AGENT_FILE = string(nameof(@__MODULE__), ".jl")
