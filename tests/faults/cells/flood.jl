for i in 1:LINES
    println("KEY line ", i)
end
NUMBER
