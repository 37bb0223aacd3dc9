# A stand-in for the packages that Engee has loaded before the first request: a table that shows itself as text and HTML.

__precompile__(false)

module EngeeTables

export EngeeTable

"Columns by name, as simulations give them."
struct EngeeTable
    columns::Vector{Pair{String,Vector{Float64}}}
end

function EngeeTable(columns::Pair...)
    return EngeeTable(Pair{String,Vector{Float64}}[string(name) => values for (name, values) in columns])
end

Base.size(table::EngeeTable) = (length(last(first(table.columns))), length(table.columns))

function Base.show(io::IO, table::EngeeTable)
    rows, columns = size(table)
    print(io, rows, "×", columns, " EngeeTable")
    return nothing
end

function Base.show(io::IO, ::MIME"text/html", table::EngeeTable)
    print(io, "<table><tr>")
    for (name, _) in table.columns
        print(io, "<th>", name, "</th>")
    end
    print(io, "</tr>")
    for row in 1:size(table)[1]
        print(io, "<tr>")
        for (_, values) in table.columns
            print(io, "<td>", values[row], "</td>")
        end
        print(io, "</tr>")
    end
    print(io, "</table>")
    return nothing
end

end # module EngeeTables
