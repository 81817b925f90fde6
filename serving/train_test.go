	s, _, _, _ := village(300)
	if _, err := s.Evaluate(t.Context(), EvaluateRequest{}, nil); KindOf(err) != Unavailable {
