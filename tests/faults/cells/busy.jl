let until = time() + PAUSE
    while time() < until
    end
end
NUMBER
