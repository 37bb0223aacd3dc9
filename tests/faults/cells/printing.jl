for i in 1:LINES
    println("KEY line ", i)
    println(stderr, "KEY warning ", i)
    sleep(PAUSE)
end
NUMBER
