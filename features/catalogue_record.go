package features

import "fealty/features/frame"

// delivery is whether goods came as promised, and why they were sent back.
func delivery() []Feature {
	return []Feature{
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "late_delivery_share_90d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of late deliveries in the last 90 days", LabelZH: "近90天延迟交付占比",
			ReasonEN: []string{"{late_delivery_share_90d} of the lines promised for the last 90 days came late or are still missing"},
			ReasonZH: []string{"承诺近90天交付的订单行中有{late_delivery_share_90d}延迟或仍未交付"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "late_delivery_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of late deliveries in the last 365 days", LabelZH: "近365天延迟交付占比",
			ReasonEN: []string{"{late_delivery_share_365d} of the lines promised for the last 365 days came late or are still missing"},
			ReasonZH: []string{"承诺近365天交付的订单行中有{late_delivery_share_365d}延迟或仍未交付"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "days_late_mean_365d", Unit: "days", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days late of late deliveries", LabelZH: "延迟交付的平均延迟天数",
			ReasonEN: []string{"Late deliveries of the last 365 days were {days_late_mean_365d} days late on average"},
			ReasonZH: []string{"近365天的延迟交付平均晚{days_late_mean_365d}天"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "deliveries_overdue", Unit: "order lines", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Order lines overdue for delivery", LabelZH: "逾期未交付的订单行数",
			ReasonEN: []string{"Order lines promised earlier and not yet delivered: {deliveries_overdue}"},
			ReasonZH: []string{"已过承诺日期仍未交付的订单行数：{deliveries_overdue}"},
		}},
		{File: Delivery, Part: Deliveries, Kind: Measured, Meta: frame.Meta{
			Name: "delivery_days_mean_365d", Unit: "days", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days from order to delivery", LabelZH: "从下单到交付的平均天数",
			ReasonEN: []string{"From order to delivery it took {delivery_days_mean_365d} days on average in the last 365 days"},
			ReasonZH: []string{"近365天从下单到交付平均{delivery_days_mean_365d}天"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_quality_share_365d", Unit: "share", Group: "service", Factor: Quality, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of returns for quality", LabelZH: "因质量退货占比",
			ReasonEN: []string{"{returns_quality_share_365d} of what came back in the last 365 days came back for its quality"},
			ReasonZH: []string{"近365天退货中有{returns_quality_share_365d}因质量问题"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_service_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of returns for service", LabelZH: "因服务退货占比",
			ReasonEN: []string{"{returns_service_share_365d} of what came back in the last 365 days came back for the service"},
			ReasonZH: []string{"近365天退货中有{returns_service_share_365d}因服务问题"},
		}},
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_price_share_365d", Unit: "share", Group: "service", Factor: Price, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of returns for price", LabelZH: "因价格退货占比",
			ReasonEN: []string{"{returns_price_share_365d} of what came back in the last 365 days came back for its price"},
			ReasonZH: []string{"近365天退货中有{returns_price_share_365d}因价格问题"},
		}},
		// It speaks to no factor: the buyer's own mistakes, and what nobody can read.
		{File: Delivery, Part: ReturnReasons, Kind: Measured, Meta: frame.Meta{
			Name: "returns_other_share_365d", Unit: "share", Group: "service", Direction: frame.Unknown,
			LabelEN: "Share of returns for other reasons", LabelZH: "因其他原因退货占比",
			ReasonEN: []string{"{returns_other_share_365d} of what came back in the last 365 days came back for other reasons than quality, service and price"},
			ReasonZH: []string{"近365天退货中有{returns_other_share_365d}因质量、服务和价格以外的原因"},
		}},
	}
}

// price is what the account pays against the list, and where the list goes.
func price() []Feature {
	return []Feature{
		{File: Prices, Part: Promotions, Kind: Measured, Meta: frame.Meta{
			Name: "promotion_share_90d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Share of purchases on promotion in the last 90 days", LabelZH: "近90天促销购买占比",
			ReasonEN: []string{"{promotion_share_90d} of what was bought in the last 90 days was on promotion; in the last 365 days: {promotion_share_365d}"},
			ReasonZH: []string{"近90天购买额中促销占{promotion_share_90d}；近365天：{promotion_share_365d}"},
		}},
		{File: Prices, Part: Promotions, Kind: Measured, Meta: frame.Meta{
			Name: "promotion_share_365d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Share of purchases on promotion in the last 365 days", LabelZH: "近365天促销购买占比",
			ReasonEN: []string{"{promotion_share_365d} of what was bought in the last 365 days was on promotion"},
			ReasonZH: []string{"近365天购买额中促销占{promotion_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_discount_share_90d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount from list price in the last 90 days", LabelZH: "近90天相对标价的折扣率",
			ReasonEN: []string{"Paid below list price in the last 90 days: {list_discount_share_90d}; in the last 365 days: {list_discount_share_365d}"},
			ReasonZH: []string{"近90天低于标价{list_discount_share_90d}；近365天：{list_discount_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_discount_share_365d", Unit: "share", Group: "price", Factor: Price, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Discount from list price in the last 365 days", LabelZH: "近365天相对标价的折扣率",
			ReasonEN: []string{"Paid below list price in the last 365 days: {list_discount_share_365d}"},
			ReasonZH: []string{"近365天低于标价{list_discount_share_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_price_change_365d", Unit: "share of the price", Group: "price", Factor: Price, Direction: frame.Raises, Actionable: true,
			LabelEN: "Move of the list prices of what is bought", LabelZH: "所购商品标价变动",
			ReasonEN: []string{"List prices of the goods bought in the last 365 days moved by {list_price_change_365d} of the price"},
			ReasonZH: []string{"近365天所购商品的标价变动幅度：{list_price_change_365d}"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_price_response_365d", Unit: "1", Group: "price", Factor: Price, Direction: frame.Unknown,
			LabelEN: "Own response of quantities to list prices", LabelZH: "自身购买量对标价变动的弹性",
			ReasonEN: []string{"When list prices moved in the last 365 days, quantities moved by {list_price_response_365d} times as much"},
			ReasonZH: []string{"近365天标价变动时，购买量变动为其{list_price_response_365d}倍"},
		}},
		{File: Prices, Part: ListPrices, Kind: Measured, Meta: frame.Meta{
			Name: "list_price_pressure_90d", Unit: "share of the quantity", Group: "price", Factor: Price, Direction: frame.Lowers, Actionable: true,
			LabelEN: "List-price moves of 90 days against the own response", LabelZH: "近90天标价变动与自身弹性的作用",
			ReasonEN: []string{"By its earlier response, the list-price moves of the last 90 days go with a change of quantity of {list_price_pressure_90d}"},
			ReasonZH: []string{"按其以往弹性，近90天标价变动对应的购买量变化：{list_price_pressure_90d}"},
		}},
		{File: Members, Part: Orientations, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "price_oriented", Unit: "1", Group: "price", Factor: Price, Direction: frame.Unknown,
			LabelEN: "Looks to the price rather than the value", LabelZH: "价格导向",
			ReasonEN: []string{"Known to look to the price (1) or to the value (0): {price_oriented}"},
			ReasonZH: []string{"已知为价格导向（1）或价值导向（0）：{price_oriented}"},
		}},
	}
}

// service is how soon calls are answered, and whether complaints stay resolved and promises kept.
func service() []Feature {
	return []Feature{
		{File: Answers, Kind: Measured, Meta: frame.Meta{
			Name: "response_hours_365d", Unit: "hours", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean hours to the first answer", LabelZH: "首次响应平均小时数",
			ReasonEN: []string{"First answers took {response_hours_365d} hours on average in the last 365 days"},
			ReasonZH: []string{"近365天首次响应平均{response_hours_365d}小时"},
		}},
		{File: Answers, Kind: Measured, Meta: frame.Meta{
			Name: "response_trend_90d", Unit: "1", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Trend of the time to the first answer", LabelZH: "首次响应时间趋势",
			ReasonEN: []string{"First answers took {response_hours_365d} hours on average in the last 365 days; trend of the last 90 days: {response_trend_90d}"},
			ReasonZH: []string{"近365天首次响应平均{response_hours_365d}小时；近90天趋势：{response_trend_90d}"},
		}},
		{File: Answers, Part: Responses, Kind: Measured, Meta: frame.Meta{
			Name: "responses_late_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of answers that came late or not at all", LabelZH: "延迟或未响应占比",
			ReasonEN: []string{"{responses_late_share_365d} of the answers due in the last 365 days came late or not at all"},
			ReasonZH: []string{"近365天应响应事项中{responses_late_share_365d}延迟或未响应"},
		}},
		{File: Answers, Part: Responses, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "responses_overdue", Unit: "interactions", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Overdue answers", LabelZH: "逾期未响应数",
			ReasonEN: []string{"Still waiting for an answer that is overdue: {responses_overdue}"},
			ReasonZH: []string{"逾期仍未响应的事项数：{responses_overdue}"},
		}},
		{File: Answers, Part: Reopenings, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "complaints_reopened_365d", Unit: "complaints", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Complaints that came back in the last 365 days", LabelZH: "近365天重新提出的投诉数",
			ReasonEN: []string{"Complaints raised again after their resolution in the last 365 days: {complaints_reopened_365d}"},
			ReasonZH: []string{"近365天解决后再次提出的投诉数：{complaints_reopened_365d}"},
		}},
		{File: Answers, Part: PromisesKept, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "promises_broken_365d", Unit: "promises", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Broken promises in the last 365 days", LabelZH: "近365天未按时兑现的承诺数",
			ReasonEN: []string{"Promises of the last 365 days not kept in time: {promises_broken_365d}"},
			ReasonZH: []string{"近365天未按时兑现的承诺数：{promises_broken_365d}"},
		}},
		{File: Answers, Part: PromisesKept, Kind: Measured, Meta: frame.Meta{
			Name: "promises_broken_share_365d", Unit: "share", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of promises broken", LabelZH: "承诺未按时兑现占比",
			ReasonEN: []string{"{promises_broken_share_365d} of the promises of the last 365 days were not kept in time"},
			ReasonZH: []string{"近365天的承诺中{promises_broken_share_365d}未按时兑现"},
		}},
		{File: Answers, Part: PromisesKept, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "promises_overdue", Unit: "promises", Group: "service", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Promises overdue", LabelZH: "逾期未兑现的承诺数",
			ReasonEN: []string{"Promises overdue and not kept yet: {promises_overdue}"},
			ReasonZH: []string{"已逾期仍未兑现的承诺数：{promises_overdue}"},
		}},
	}
}

// payments is what the account owes and how it pays. Without payments nobody can tell what is open.
func payments() []Feature {
	return []Feature{
		{File: Receivables, Part: Payments, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "overdue_amount", Unit: "base currency", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Overdue amount", LabelZH: "逾期金额",
			ReasonEN: []string{"Overdue: {overdue_amount}, the oldest for {overdue_days} days", "Overdue: {overdue_amount}"},
			ReasonZH: []string{"逾期金额：{overdue_amount}，最早的已{overdue_days}天", "逾期金额：{overdue_amount}"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "invoices_overdue", Unit: "invoices", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Overdue invoices", LabelZH: "逾期发票数",
			ReasonEN: []string{"Invoices overdue: {invoices_overdue}"},
			ReasonZH: []string{"逾期发票数：{invoices_overdue}"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "overdue_days", Unit: "days", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Days since the oldest overdue invoice was due", LabelZH: "最早逾期发票的逾期天数",
			ReasonEN: []string{"An invoice has been overdue for {overdue_days} days"},
			ReasonZH: []string{"有一张发票已逾期{overdue_days}天"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Zero: true, Meta: frame.Meta{
			Name: "open_amount", Unit: "base currency", Group: "payment", Factor: Risk, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Amount open", LabelZH: "未付金额",
			ReasonEN: []string{"Invoiced and not paid yet, credit notes taken off: {open_amount}"},
			ReasonZH: []string{"已开票未付金额（已扣减贷项）：{open_amount}"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Meta: frame.Meta{
			Name: "invoices_late_share_365d", Unit: "share", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of invoices paid late", LabelZH: "发票延迟付款占比",
			ReasonEN: []string{"{invoices_late_share_365d} of the invoices due in the last 365 days were paid late or not yet"},
			ReasonZH: []string{"近365天到期的发票中{invoices_late_share_365d}延迟付款或尚未付款"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Meta: frame.Meta{
			Name: "days_to_pay_365d", Unit: "days", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Mean days from invoice to payment", LabelZH: "从开票到付款的平均天数",
			ReasonEN: []string{"Invoices paid in the last 365 days took {days_to_pay_365d} days on average"},
			ReasonZH: []string{"近365天付清的发票平均用时{days_to_pay_365d}天"},
		}},
		{File: Receivables, Part: Payments, Kind: Measured, Meta: frame.Meta{
			Name: "days_to_pay_trend_90d", Unit: "1", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Trend of the days to pay", LabelZH: "付款天数趋势",
			ReasonEN: []string{"Invoices paid in the last 365 days took {days_to_pay_365d} days on average; trend of the last 90 days: {days_to_pay_trend_90d}"},
			ReasonZH: []string{"近365天付清的发票平均用时{days_to_pay_365d}天；近90天趋势：{days_to_pay_trend_90d}"},
		}},
		{File: Members, Part: CreditLimits, Kind: Measured, Meta: frame.Meta{
			Name: "credit_limit", Unit: "base currency", Group: "payment", Factor: Risk, Direction: frame.Unknown,
			LabelEN: "Credit limit", LabelZH: "信用额度",
			ReasonEN: []string{"Credit limit: {credit_limit}"},
			ReasonZH: []string{"信用额度：{credit_limit}"},
		}},
		{Kind: Ratio, Of: []string{"open_amount", "credit_limit"}, Meta: frame.Meta{
			Name: "credit_used", Unit: "times", Group: "payment", Factor: Risk, Direction: frame.Raises, Actionable: true,
			LabelEN: "Open amount against the credit limit", LabelZH: "未付金额与信用额度之比",
			ReasonEN: []string{"Open: {open_amount}, of a credit limit of {credit_limit}"},
			ReasonZH: []string{"未付金额{open_amount}，信用额度{credit_limit}"},
		}},
	}
}

// people is who speaks for the account and who looks after it.
func people() []Feature {
	return []Feature{
		{File: Persons, Part: KeyDepartures, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "key_people_left_180d", Unit: "people", Group: "people", Factor: Switching, Direction: frame.Raises, Actionable: true,
			LabelEN: "Buyers and decision makers who left in the last 180 days", LabelZH: "近180天离任的采购和决策人数",
			ReasonEN: []string{"Buyers and decision makers who left in the last 180 days: {key_people_left_180d}"},
			ReasonZH: []string{"近180天离任的采购和决策人数：{key_people_left_180d}"},
		}},
		{File: Persons, Part: KeyDepartures, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "key_people_left_365d", Unit: "people", Group: "people", Factor: Switching, Direction: frame.Raises, Actionable: true,
			LabelEN: "Buyers and decision makers who left in the last 365 days", LabelZH: "近365天离任的采购和决策人数",
			ReasonEN: []string{"Buyers and decision makers who left in the last 365 days: {key_people_left_365d}"},
			ReasonZH: []string{"近365天离任的采购和决策人数：{key_people_left_365d}"},
		}},
		{File: Persons, Part: KeyArrivals, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "key_people_new_180d", Unit: "people", Group: "people", Factor: Switching, Direction: frame.Raises, Actionable: true,
			LabelEN: "Buyers and decision makers who came in the last 180 days", LabelZH: "近180天到任的采购和决策人数",
			ReasonEN: []string{"Buyers and decision makers who came in the last 180 days: {key_people_new_180d}"},
			ReasonZH: []string{"近180天到任的采购和决策人数：{key_people_new_180d}"},
		}},
		{File: Persons, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "people_live", Unit: "people", Group: "people", Factor: Switching, Direction: frame.Lowers, Actionable: true,
			LabelEN: "People we know at the account", LabelZH: "现有联系人数",
			ReasonEN: []string{"People we know at the account: {people_live}"},
			ReasonZH: []string{"现有联系人数：{people_live}"},
		}},
		{File: Persons, Part: KeyPeople, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "key_people_live", Unit: "people", Group: "people", Factor: Switching, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Buyers and decision makers we know", LabelZH: "现有采购和决策联系人数",
			ReasonEN: []string{"Buyers and decision makers we know: {key_people_live}"},
			ReasonZH: []string{"现有采购和决策联系人数：{key_people_live}"},
		}},
		{File: Persons, Part: KeyArrivals, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "key_person_newest_days", Unit: "days", Group: "people", Factor: Switching, Direction: frame.Lowers,
			LabelEN: "Days since the newest buyer or decision maker came", LabelZH: "最新采购或决策人到任天数",
			ReasonEN: []string{"The newest buyer or decision maker came {key_person_newest_days} days ago"},
			ReasonZH: []string{"最新的采购或决策人到任{key_person_newest_days}天"},
		}},
		{File: Members, Part: Managers, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "manager_changes_180d", Unit: "changes", Group: "people", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Changes of the account manager in the last 180 days", LabelZH: "近180天客户经理更换次数",
			ReasonEN: []string{"Changes of the account manager in the last 180 days: {manager_changes_180d}"},
			ReasonZH: []string{"近180天客户经理更换次数：{manager_changes_180d}"},
		}},
		{File: Members, Part: Managers, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "manager_changes_365d", Unit: "changes", Group: "people", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Changes of the account manager in the last 365 days", LabelZH: "近365天客户经理更换次数",
			ReasonEN: []string{"Changes of the account manager in the last 365 days: {manager_changes_365d}"},
			ReasonZH: []string{"近365天客户经理更换次数：{manager_changes_365d}"},
		}},
		{File: Members, Part: Managers, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "manager_days", Unit: "days", Group: "people", Factor: Service, Direction: frame.Lowers,
			LabelEN: "Days with the account manager", LabelZH: "客户经理负责天数",
			ReasonEN: []string{"The account manager has looked after the account for {manager_days} days"},
			ReasonZH: []string{"现任客户经理已负责{manager_days}天"},
		}},
		{File: News, Part: PeopleNews, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "people_changes_180d", Unit: "changes", Group: "people", Factor: Switching, Direction: frame.Raises, Actionable: true,
			LabelEN: "Changes of people told in the last 180 days", LabelZH: "近180天获知的人员变动次数",
			ReasonEN: []string{"Changes of people told in the last 180 days: {people_changes_180d}"},
			ReasonZH: []string{"近180天获知的人员变动次数：{people_changes_180d}"},
		}},
		{File: News, Part: PeopleNews, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "people_changes_365d", Unit: "changes", Group: "people", Factor: Switching, Direction: frame.Raises, Actionable: true,
			LabelEN: "Changes of people told in the last 365 days", LabelZH: "近365天获知的人员变动次数",
			ReasonEN: []string{"Changes of people told in the last 365 days: {people_changes_365d}"},
			ReasonZH: []string{"近365天获知的人员变动次数：{people_changes_365d}"},
		}},
	}
}

// satisfaction is what the account says of us when it is asked.
func satisfaction() []Feature {
	return []Feature{
		{File: Opinions, Part: Surveys, Kind: Measured, Meta: frame.Meta{
			Name: "satisfaction_last", Unit: "share", Group: "satisfaction", Factor: Quality, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Last satisfaction, as a share of the scale", LabelZH: "最近一次满意度（占量表比例）",
			ReasonEN: []string{"Last satisfaction: {satisfaction_last} of the scale, {satisfaction_age_days} days ago"},
			ReasonZH: []string{"最近一次满意度：量表的{satisfaction_last}，{satisfaction_age_days}天前"},
		}},
		{File: Opinions, Part: Surveys, Kind: Measured, Meta: frame.Meta{
			Name: "satisfaction_mean_365d", Unit: "share", Group: "satisfaction", Factor: Quality, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Mean satisfaction in the last 365 days", LabelZH: "近365天平均满意度",
			ReasonEN: []string{"Mean satisfaction in the last 365 days: {satisfaction_mean_365d} of the scale"},
			ReasonZH: []string{"近365天平均满意度：量表的{satisfaction_mean_365d}"},
		}},
		{File: Opinions, Part: Surveys, Kind: Measured, Meta: frame.Meta{
			Name: "satisfaction_trend", Unit: "share of the scale", Group: "satisfaction", Factor: Quality, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Last satisfaction against the mean of those before", LabelZH: "最近满意度与此前均值之差",
			ReasonEN: []string{"Last satisfaction: {satisfaction_last} of the scale, against the mean before: {satisfaction_trend}"},
			ReasonZH: []string{"最近一次满意度：量表的{satisfaction_last}，较此前均值：{satisfaction_trend}"},
		}},
		{File: Opinions, Part: Surveys, Kind: Measured, Meta: frame.Meta{
			Name: "expectation_gap", Unit: "share of the scale", Group: "satisfaction", Factor: Quality, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Perception above expectation", LabelZH: "感知与期望之差",
			ReasonEN: []string{"What was perceived lies {expectation_gap} of the scale above what was expected"},
			ReasonZH: []string{"感知与期望相差量表的{expectation_gap}"},
		}},
		{File: Opinions, Part: Surveys, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "satisfaction_age_days", Unit: "days", Group: "satisfaction", Factor: Quality, Direction: frame.Unknown, Actionable: true,
			LabelEN: "Days since the last satisfaction survey", LabelZH: "距上次满意度调查天数",
			ReasonEN: []string{"Last satisfaction survey answered {satisfaction_age_days} days ago"},
			ReasonZH: []string{"最近一次满意度调查回复在{satisfaction_age_days}天前"},
		}},
		{File: Opinions, Part: SurveyAnswers, Kind: Measured, Meta: frame.Meta{
			Name: "survey_silence_share_365d", Unit: "share", Group: "satisfaction", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of surveys left unanswered", LabelZH: "调查未回复占比",
			ReasonEN: []string{"{survey_silence_share_365d} of the surveys of the last 365 days stayed without an answer"},
			ReasonZH: []string{"近365天的调查中{survey_silence_share_365d}未获回复"},
		}},
		{File: Approaches, Part: TouchAnswers, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "touches_silent_365d", Unit: "touches", Group: "satisfaction", Factor: Relationship, Direction: frame.Raises, Actionable: true,
			LabelEN: "Campaign touches left unanswered", LabelZH: "营销触达未回复次数",
			ReasonEN: []string{"Touches of campaigns that got no answer within 60 days, in the last 365 days: {touches_silent_365d}"},
			ReasonZH: []string{"近365天营销触达60天内未获回复的次数：{touches_silent_365d}"},
		}},
		{File: Approaches, Part: TouchAnswers, Kind: Measured, Meta: frame.Meta{
			Name: "touches_silent_share_365d", Unit: "share", Group: "satisfaction", Factor: Relationship, Direction: frame.Raises, Actionable: true,
			LabelEN: "Share of campaign touches left unanswered", LabelZH: "营销触达未回复占比",
			ReasonEN: []string{"{touches_silent_share_365d} of the touches of campaigns in the last 365 days got no answer within 60 days"},
			ReasonZH: []string{"近365天的营销触达中{touches_silent_share_365d}在60天内未获回复"},
		}},
	}
}

// reach is what reaches the account from outside.
func reach() []Feature {
	return []Feature{
		{File: News, Part: Offers, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "competitor_offers_90d", Unit: "offers", Group: "reach", Factor: Price, Direction: frame.Raises, Actionable: true,
			LabelEN: "Competitors' offers in the last 90 days", LabelZH: "近90天竞争对手报价次数",
			ReasonEN: []string{"Competitors' offers told in the last 90 days: {competitor_offers_90d}"},
			ReasonZH: []string{"近90天获知的竞争对手报价次数：{competitor_offers_90d}"},
		}},
		{File: News, Part: Offers, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "competitor_offers_365d", Unit: "offers", Group: "reach", Factor: Price, Direction: frame.Raises, Actionable: true,
			LabelEN: "Competitors' offers in the last 365 days", LabelZH: "近365天竞争对手报价次数",
			ReasonEN: []string{"Competitors' offers told in the last 365 days: {competitor_offers_365d}"},
			ReasonZH: []string{"近365天获知的竞争对手报价次数：{competitor_offers_365d}"},
		}},
		{File: News, Part: Offers, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "competitor_offer_recency_days", Unit: "days", Group: "reach", Factor: Price, Direction: frame.Lowers,
			LabelEN: "Days since a competitor's last offer", LabelZH: "距竞争对手上次报价天数",
			ReasonEN: []string{"Last offer of a competitor {competitor_offer_recency_days} days ago"},
			ReasonZH: []string{"竞争对手最近一次报价在{competitor_offer_recency_days}天前"},
		}},
		{File: News, Part: Events, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "events_365d", Unit: "events", Group: "reach", Factor: Publicity, Direction: frame.Lowers, Actionable: true,
			LabelEN: "Events attended in the last 365 days", LabelZH: "近365天参加活动次数",
			ReasonEN: []string{"Events attended in the last 365 days: {events_365d}"},
			ReasonZH: []string{"近365天参加活动次数：{events_365d}"},
		}},
		{File: News, Part: PublicVoices, Kind: Measured, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "publicity_365d", Unit: "interactions", Group: "reach", Factor: Publicity, Direction: frame.Unknown,
			LabelEN: "Talk of publicity in the last 365 days", LabelZH: "近365天涉及口碑宣传的接触次数",
			ReasonEN: []string{"Interactions about publicity in the last 365 days: {publicity_365d}"},
			ReasonZH: []string{"近365天涉及口碑宣传的接触次数：{publicity_365d}"},
		}},
		{Kind: ReferralsBought, Part: Referrals, Integer: true, Zero: true, Meta: frame.Meta{
			Name: "referrals_bought", Unit: "accounts", Group: "reach", Factor: Advocacy, Direction: frame.Lowers,
			LabelEN: "Accounts referred that bought", LabelZH: "推荐成交客户数",
			ReasonEN: []string{"Accounts that it referred and that bought: {referrals_bought}"},
			ReasonZH: []string{"其推荐且已成交的客户数：{referrals_bought}"},
		}},
	}
}

// cadence is whether a contact is overdue, against the account's own rhythm and against
// what is planned for its segment (Cadence).
func cadence() []Feature {
	return []Feature{
		{File: Contact, Part: Meetings, Kind: Measured, Meta: frame.Meta{
			Name: "contact_gap_median_days", Unit: "days", Group: "contact", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Usual days between contacts", LabelZH: "通常联系间隔天数",
			ReasonEN: []string{"Usually in touch every {contact_gap_median_days} days"},
			ReasonZH: []string{"通常每{contact_gap_median_days}天联系一次"},
		}},
		{Kind: Ratio, Of: []string{"contact_recency_days", "contact_gap_median_days"}, Meta: frame.Meta{
			Name: "contact_recency_to_gap", Unit: "times", Group: "contact", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Time since the last contact against the usual gap", LabelZH: "距上次联系时长与通常间隔之比",
			ReasonEN: []string{"The last contact lies {contact_recency_days} days back, {contact_recency_to_gap} times the usual {contact_gap_median_days} days"},
			ReasonZH: []string{"距上次联系{contact_recency_days}天，为通常间隔{contact_gap_median_days}天的{contact_recency_to_gap}倍"},
		}},
		{File: Contact, Else: Orders, Kind: Measured, Integer: true, Meta: frame.Meta{
			Name: "contact_cadence_days", Unit: "days", Group: "contact", Factor: Service, Direction: frame.Unknown,
			LabelEN: "Days between contacts planned for its segment", LabelZH: "所属客户层级计划联系间隔天数",
			ReasonEN: []string{"Planned for its segment: a contact every {contact_cadence_days} days"},
			ReasonZH: []string{"其客户层级计划每{contact_cadence_days}天联系一次"},
		}},
		// Of an account that was never contacted it counts from the first purchase.
		{Kind: Difference, Of: []string{"contact_recency_days", "contact_cadence_days"}, Else: Orders, Part: Meetings, Integer: true, Meta: frame.Meta{
			Name: "contact_overdue_days", Unit: "days", Group: "contact", Factor: Service, Direction: frame.Raises, Actionable: true,
			LabelEN: "Days by which a contact is overdue", LabelZH: "联系逾期天数",
			ReasonEN: []string{
				"The last contact lies {contact_recency_days} days back; planned for its segment is one every {contact_cadence_days} days",
				"Not contacted since its first purchase; planned for its segment is a contact every {contact_cadence_days} days",
			},
			ReasonZH: []string{
				"距上次联系{contact_recency_days}天；其客户层级计划每{contact_cadence_days}天联系一次",
				"自首次购买以来尚未联系；其客户层级计划每{contact_cadence_days}天联系一次",
			},
		}},
	}
}
